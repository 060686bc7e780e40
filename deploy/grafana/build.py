"""Writes the dashboards that Grafana is provisioned with: `python -m deploy.grafana.build`."""

from pathlib import Path

from deploy.grafana.boards import BOARDS

FOLDER = Path(__file__).parent / "dashboards"


def main() -> None:
    for board in BOARDS:
        (FOLDER / f"{board.name}.json").write_text(board.json())


if __name__ == "__main__":
    main()
