"""Entities: what an application's people engage with, named by type and id; Hubbub need not know more of them."""

from handlers.payload import Id, Payload


class OneEntity(Payload):
    """An entity."""

    type = Id(required=True)
    id = Id(required=True)
