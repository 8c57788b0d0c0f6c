"""What the document says of words that come from other rooms: kinds and states, and the stable codes of what
was declined. A code that is new joins `CODES`; none is ever given another meaning."""

# Kinds and states, by the name of their model: their own docstrings are for whoever changes them.
KINDS = {
    "ActionKind": "`count` has no line: a sticker day, a petition.",
    "ApiScope": "What a token opens.",
    "Audience": "Who gets a text to many: the members or the chairs of an action's chapters, or, of a "
    "rehearsal, the staff.",
    "AudienceFilter": "Which of the members get it. `missing`: not in, and have not said no. `said_coming`: "
    "said that they come, and not in. `not_seen`: in at no line of the action. `came_last`: were at the "
    "campaign's last action.",
    "CallResult": "`reached`: somebody answered, with a head count or without. `no_chair`: nobody there has "
    "a number.",
    "DeliveryState": "`waiting`: sent again until it arrives. `given_up`: three days are over.",
    "Duty": "What a member does on a strike day; at the line unless it was said otherwise.",
    "EventState": "`closed`: its figures are fixed. Whether it is open now is a matter of the clock.",
    "MembershipRank": "The chapter a member belongs to, or a second one.",
    "MemberStatus": "Only `active` members are expected; the others are counted as also there.",
    "Outcome": "What became of a check-in. `counted`: a member is in. `repeat`: and was in before. `walkup`: "
    "taken by number or name. `ambiguous`: a number that several share. `outside_hours`, `unresolved`: kept, "
    "and not counted. `out`: a member left. `undone`: a tick was taken back.",
    "ReportKind": "Of one chapter, of the chapters of an area, of the union.",
    "ReviewVerdict": "`tie`: it is this member's. `not_ours`: nobody's of ours. `reopen`: it is open again. "
    "`was_there`, `was_not`: of a tap at an uncertain time.",
    "RuleKind": "The reminders of an action, in the order of its days.",
    "TextState": "`waiting`, `claimed`: not out yet. `unknown`: perhaps out; it is looked up, and never sent "
    "twice. `accepted`, `sent`, `delivered`: by the carrier. `failed`: with the carrier's error code. "
    "`dropped`: opted out, out of time, or no longer wanted. `stuck`: a person decides.",
    "Tier": "How strong the evidence is: typed by anybody, `vouched` for at the line, or `verified` there.",
    "WebhookTopic": "The `type` of what a webhook is sent.",
}

CODES = {
    # Of the request itself.
    "bad_request": "It cannot be read.",
    "bad_json": "The body is no JSON.",
    "bad_body": "The body is not as the document describes it: `errors` says where.",
    "bad_query": "So is what stands behind the question mark.",
    "bad_key": "There is no Idempotency-Key, or it is too short, too long, or of other letters.",
    "not_json": "The body's Content-Type is not application/json.",
    "request_entity_too_large": "The body is too large.",
    "request_uri_too_long": "The address is too long.",
    "request_timeout": "The body did not come in time.",
    "method_not_allowed": "This address takes another method: `Allow` says which.",
    "not_found": "There is no such thing, or it is out of this token's view.",
    "no_token": "There is no token, or it has ended: it ran out, was revoked, or its maker's role is over.",
    "scope": "The token was made without the scope that this needs.",
    "second_person": "So many names want a second person's word, asked for on *Tokens for programs*.",
    "not_yours": "It is about more than this token sees, or somebody else's.",
    "nonce_reused": "The Idempotency-Key came with something else before. Take a new one.",
    "too_many": "More requests than a token has in a minute (429: wait as long as Retry-After says), or more "
    "of something than there may be (422, 409).",
    "try_again": "The service is away for a moment. Send the same again, under the same key.",
    "our_fault": "Something went wrong here, and is in our log.",
    # Of times and places.
    "bad_time": "The year is a slip, or it would end before it starts or last too long.",
    "bad_day": "There is no such day.",
    "no_such_time": "The clock skips that time on that day.",
    "two_such_times": "The clock shows that time twice on that day: say which.",
    "too_long": "It lasts too long, or is more than an address or a text holds.",
    "too_short": "A shift is too short.",
    "overlap": "Shifts overlap.",
    "outside": "What was counted already would lie outside all shifts.",
    "begun": "It has begun: what stands cannot be changed any more.",
    "in_the_past": "That time is over.",
    "is_over": "It is over.",
    "called_off": "It was called off.",
    "forgotten": "The action was forgotten: only its numbers are left.",
    "no_site": "There is no such site in view of the token, or it needs one.",
    "no_sites": "No site is left to hold it at.",
    "no_area": "There is no such area.",
    "no_place": "There is no such place.",
    "no_such_place": "A place is no site or area of this action.",
    "no_venue": "A rally needs its venue.",
    "no_gate": "The site has no such gate.",
    "gate_in_use": "Heads were counted at a gate that would go.",
    "no_shifts": "An event needs at least one shift.",
    # At the line.
    "who": "Say who: `member`, or `typed`, and not both; of `undo` alone `member`.",
    "unreadable": "What was typed is no number and no name.",
    "no_member": "There is no such member in the token's view.",
    "no_event": "There is no such event.",
    "outside_hours": "It is outside the hours of the event, or that was called off.",
    "bad_count": "It is more than anybody can have counted.",
    "count_unusual": "It is far more than expected. Ask whoever counted, then send it again with `sure`.",
    "being_called": "An organizer is calling this site now.",
    "no_evidence": "There is nothing to decide.",
    "no_reason": "Say why, in a few words.",
    "undone": "It was undone already.",
    # Planning.
    "already_one": "There is one already, on that day at that place.",
    "no_name": "It needs a name.",
    "no_campaign": "There is no such campaign.",
    "is_drill": "It is a rehearsal, which nobody outside looks up.",
    "drill": "It is a rehearsal, about which nothing is published.",
    "no_chapters": "No chapter is left to write to.",
    "no_words": "It needs its words in every language that members are written to in.",
    "bad_braces": "A brace in the words opens nothing.",
    "unknown_blank": "The words name something that is not filled in.",
    "no_language": "There is no such language here.",
    "one_language": "It needs its words in every language that is asked for.",
    "no_last_action": "The campaign has no earlier action.",
    "bad_audience": "That audience does not go with this action.",
    "nobody": "It would reach nobody.",
    "not_confirmed": "It was not sent.",
    "no_rule": "The action has no such reminder.",
    "no_such_setting": "This reminder has no such setting.",
    "bad_minutes": "These minutes are outside what the reminder takes.",
    "bad_order": "The steps of the reminder would be out of order.",
    "not_closed": "The figures are not fixed yet.",
    "not_final": "Names can still be added: there are no final counts yet.",
    "nothing": "There is nothing to tell.",
    # The roster.
    "bad_number": "A member number is 1 to 8 digits.",
    "number_taken": "There already is a member with this number.",
    "missing_name": "It needs a name.",
    "bad_phone": "That is no phone number with its area code.",
    "unknown_language": "It is none of our languages.",
}
