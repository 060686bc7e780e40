"""`kernelsight explain`: what in an image speaks for a class, as a picture."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pipelines.explain import ExplainOptions
from pipelines.findings import Findings
from service.cli.files import checked, look_at, write


def explain(
    image: Annotated[Path, typer.Argument(help="Image file.", show_default=False)],
    out: Annotated[Path, typer.Argument(help="Where to write the picture: .png.", show_default=False)],
    wnid: Annotated[str | None, typer.Option(help="Class by WordNet id; the best tag without it.")] = None,
    index: Annotated[int | None, typer.Option(help="Class by index.")] = None,
) -> None:
    """Draw which places of an image speak for its best tag, or for a class: warm for it, cold against it."""
    if out.suffix.lower() != ".png":
        raise typer.BadParameter("the name must end in .png", param_hint="OUT")
    options = checked(ExplainOptions, wnid=wnid, index=index)

    def show(path: Path, findings: Findings) -> None:
        assert findings.explain is not None
        [found] = findings.explain.explanations
        assert found.overlay is not None
        write(out, found.overlay)
        words = f"{out}: {found.label}, score {found.score:.2f}, logit {found.logit:.2f}"
        Console(stderr=True).print(words, highlight=False, markup=False, soft_wrap=True)

    look_at([image], {"explain": options}, show)
