"""Commands of the room texts."""

from mobilize.commands import Commands

texts = Commands("texts")
