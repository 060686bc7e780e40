"""Audit log and feedback of one process, opened where the settings want them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from service.audit.audit import Audit
from service.audit.opening import OFF, open_journals
from service.composition import House
from service.feedback.desk import Desk
from service.feedback.labels import Known


@asynccontextmanager
async def open_desk(house: House) -> AsyncIterator[Desk | None]:
    """From here on every result is recorded. None where the audit log is off; raises as `open_journals` does."""
    settings = house.settings
    if settings.audit == OFF:
        yield None
        return
    async with open_journals(settings) as journals:
        audit = Audit(journals.audit, house.metrics.registry)
        house.engine.watch(audit.seen)
        house.texts.watch(audit.judged)

        async def known() -> Known:
            return await known_of(house)

        desk = Desk(
            audit, journals, known, house.metrics.registry,
            window=settings.feedback_window, days=settings.audit_days,
        )  # fmt: skip
        async with audit.writing(drain_seconds=settings.drain_seconds), journals.pruned(), desk.looking():
            yield desk


async def known_of(house: House) -> Known:
    policy, labels = await house.policy.current(), house.encoder.labels
    rules = (policy.rules, *policy.tenant_rules.values())
    return Known(
        categories={rule.category for some in rules for rule in some.values()},
        groups=set(labels.groups),
        group_of={label.name: label.group for label in labels.labels},
    )
