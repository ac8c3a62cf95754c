"""One run of the data mover: take an order, carry it out, tell the result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from kyanite.base.errors import Invalid, KyaniteError
from kyanite.base.json_types import JsonObject
from kyanite.datamover.channel import Channel
from kyanite.datamover.conversation import Conversation
from kyanite.datamover.fence import Fence
from kyanite.datamover.messages import Order, Result
from kyanite.datamover.orders import BackupOrder, RestoreOrder
from kyanite.datamover.transport import Transport, TransportClosed

Work: TypeAlias = Callable[[Order, Conversation], JsonObject]

_LAST_WORD_SECONDS: Final = 5.0
"""How long the mover stays to see its result acknowledged."""


def carry_out(order: Order, conversation: Conversation) -> JsonObject:
    """The order's work. Raises ``KyaniteError``."""
    # Imported by need: a backup never loads what only a restore uses, and its memory counts.
    if order.kind == BackupOrder.kind:
        from kyanite.datamover.backup_work import carry_out_backup

        return carry_out_backup(
            BackupOrder.from_json(order.epoch, order.body, conversation.attachments), conversation
        ).to_json()
    if order.kind == RestoreOrder.kind:
        from kyanite.datamover.restore_work import carry_out_restore

        return carry_out_restore(
            RestoreOrder.from_json(order.epoch, order.body, conversation.attachments), conversation
        ).to_json()
    raise Invalid(f"This data mover knows no order of the kind '{order.kind}'.")


def serve_one_order(
    transport: Transport,
    fence: Fence,
    work: Work = carry_out,
    *,
    on_stop: Callable[[], None] = lambda: None,
    resend_seconds: float = 1.0,
) -> None:
    """Wait for the order of this run, carry it out, and deliver its result.

    ``on_stop`` is called when the work is called off, before it has noticed.
    """
    channel = Channel(transport, fence, resend_seconds=resend_seconds)
    conversation = Conversation(channel, on_stop)
    try:
        result = Result(outcome=_run(conversation, fence, work))
    except KyaniteError as error:
        result = Result(failure=error)
    conversation.end()
    try:
        conversation.tell_progress()
        channel.send(result)
        channel.flush(_LAST_WORD_SECONDS)
    except (TransportClosed, KyaniteError):
        return  # nobody is left, or nobody who counts: the work itself is safe in the storage


def _run(conversation: Conversation, fence: Fence, work: Work) -> JsonObject:
    order = conversation.wait_for_order()
    if order.epoch != fence.epoch:
        raise Invalid(f"The order is of epoch {order.epoch}, this mover of {fence.epoch}.")
    return work(order, conversation)
