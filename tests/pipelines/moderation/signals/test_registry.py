"""The scores that signals declare, which policies are checked against."""

import importlib
import inspect
import pkgutil

from pipelines.moderation import signals
from pipelines.moderation.signals.registry import declared_scores
from pipelines.moderation.text_rules import TextRules, TextSignal


def test_every_signal_is_in_the_registry() -> None:
    names_of_modules = [one.name for one in pkgutil.iter_modules(signals.__path__)]
    modules = [importlib.import_module(f"{signals.__name__}.{name}") for name in names_of_modules]
    classes = [found for module in modules for _, found in inspect.getmembers(module, inspect.isclass)]
    names = {getattr(found, "name", None) for found in classes if hasattr(found, "score_names")}

    of_classes = {name for name in names if isinstance(name, str)}

    assert of_classes | {"frames"} == declared_scores(TextSignal({})).keys()  # moderation itself gives that one


def test_the_scores_of_text_are_the_categories_of_the_policy() -> None:
    declared = declared_scores(TextSignal({"spam": TextRules(words=("buy now",))}))

    assert declared["text"] == ("spam",)


def test_trained_categories_may_have_any_name() -> None:
    assert declared_scores(TextSignal({}))["custom"] is None
