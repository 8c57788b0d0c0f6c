"""Commands of the room accounts."""

from mobilize.commands import Commands

people = Commands("people")
