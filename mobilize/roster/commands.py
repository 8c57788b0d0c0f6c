"""Commands of the room roster."""

from mobilize.commands import Commands

roster = Commands("roster")
sites = Commands("sites")
