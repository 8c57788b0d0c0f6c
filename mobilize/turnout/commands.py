"""Commands of the room turnout."""

from mobilize.commands import Commands

reports = Commands("reports")
turnout = Commands("turnout")
