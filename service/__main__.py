"""`python -m service` is `kernelsight`."""

from service.cli import main

main()
