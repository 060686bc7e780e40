"""Finds environment variables that look like settings and are none, and the setting that was probably meant."""

import re
from collections.abc import Collection, Mapping
from difflib import get_close_matches

PREFIX = "KERNELSIGHT_"

# Variables with our prefix that are no settings, and what reads them.
OTHER_VARIABLES = {
    "KERNELSIGHT_PUBLISH": "docker-compose.yml: the address that it publishes the API on",
    "KERNELSIGHT_GRAFANA": "docker-compose.yml: the address that it publishes Grafana on",
    "KERNELSIGHT_PDF_PASSWORD": "`kernelsight documents`, in place of --password",
}

# Kubernetes sets such variables in every pod beside a service whose name begins with kernelsight:
# https://kubernetes.io/docs/tutorials/services/connect-applications-service/#environment-variables
_SERVICE_LINK = re.compile(
    r"(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)", re.ASCII
)
SERVICE_ADDRESS = re.compile(r"(tcp|udp|sctp)://")  # the value of KERNELSIGHT_PORT or KERNELSIGHT_…_PORT


def describe_unknown_variables(given: Mapping[str, str | None], settings: Collection[str]) -> list[str]:
    """A sentence for each variable of `given` that has our prefix and is not in `settings`."""
    known = {*settings, *OTHER_VARIABLES}
    ours = {name.upper(): value or "" for name, value in given.items() if name.upper().startswith(PREFIX)}
    unknown = [name for name, value in ours.items() if name not in known and not _is_service_link(name, value)]
    return [_describe(name, settings) for name in unknown]


def _is_service_link(variable: str, value: str) -> bool:
    if variable.endswith("_PORT") and SERVICE_ADDRESS.match(value):
        return True
    return _SERVICE_LINK.fullmatch(variable.removeprefix(PREFIX)) is not None


def _describe(variable: str, settings: Collection[str]) -> str:
    names = [name.removeprefix(PREFIX) for name in settings]  # all begin alike, which is no likeness
    nearest = get_close_matches(variable.removeprefix(PREFIX), names, n=1, cutoff=0.7)
    return f"{variable} is no setting" + (f"; did you mean {PREFIX}{nearest[0]}?" if nearest else "")
