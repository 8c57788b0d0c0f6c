"""Commands of the room demo."""

from mobilize.commands import Commands

demo = Commands("demo")
