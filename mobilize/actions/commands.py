"""Commands of the room actions."""

from mobilize.commands import Commands

campaigns = Commands("campaigns")
actions = Commands("actions")
events = Commands("events")
posters = Commands("posters")
