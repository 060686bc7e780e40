"""Write the JSON dashboards that Grafana is provisioned with: `python -m deploy.grafana.build`."""

from pathlib import Path

from deploy.grafana.boards import DASHBOARDS

FOLDER = Path(__file__).parent / "dashboards"


def main() -> None:
    for board in DASHBOARDS:
        (FOLDER / f"{board.name}.json").write_text(board.to_json())


if __name__ == "__main__":
    main()
