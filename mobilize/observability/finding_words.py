"""Every finding of the doctor: its state, what was looked at, what was found, and what to do about it.

A remedy has the blanks of `mobilize.operating` too, so that it names what is typed where this runs.
"""

from dataclasses import dataclass
from enum import StrEnum

from mobilize.languages import N_


class FindingState(StrEnum):
    """In order; worth a look this week; needs somebody now. From the best to the worst."""

    OK = "ok"
    WARNING = "warning"
    BROKEN = "broken"


@dataclass(frozen=True)
class FindingWords:
    """The words of one finding, to be translated when they are shown."""

    state: FindingState
    subject: str
    sentence: str
    remedy: str = ""


OK, WARNING, BROKEN = FindingState
_DATABASE, _KEYS, _CLOCK, _DISK = N_("Database"), N_("Keys"), N_("Clock"), N_("Disk")
_REDIS, _WORKERS, _ADDRESS = N_("Redis"), N_("Workers"), N_("Public address")
_TWILIO, _TELNYX, _TEXTS = N_("Twilio"), N_("Telnyx"), N_("Texts")
_BACKUPS, _JOURNAL = N_("Backups"), N_("Journal")
_ZONES, _DOCTOR = N_("Time zones"), N_("Doctor")

_words = FindingWords
FINDINGS: dict[str, FindingWords] = {
    "doctor.failed": _words(
        WARNING, _DOCTOR, N_("“%(check)s” could not be checked: %(error)s."),
        N_("Look into the log of the workers, or run %(mobilize)s doctor again."),
    ),
    # The database.
    "database.ok": _words(OK, _DATABASE, N_("%(kind)s answers, and has the tables of this version.")),
    "database.away": _words(
        BROKEN, _DATABASE, N_("The database does not answer."),
        N_("Is it running, and is DATABASE_URL right? Nobody can check in until it answers."),
    ),
    "database.read_only": _words(
        BROKEN, _DATABASE, N_("Nothing can be stored: the database is read only."),
        N_("Is it a standby, or its disk full? Point DATABASE_URL at the primary."),
    ),
    "database.behind": _words(
        BROKEN, _DATABASE, N_("The tables are of an earlier version (%(now)s, and not %(expected)s)."),
        N_("Run: %(migrate)s"),
    ),
    "database.ahead": _words(
        WARNING, _DATABASE, N_("The tables are of a later version (%(now)s) than this program."),
        N_("Fine during an upgrade, and after going back. Otherwise start the new version everywhere."),
    ),
    "database.durable": _words(
        BROKEN, _DATABASE, N_("A power cut may lose confirmed check-ins: %(setting)s is %(value)s."),
        N_("Set it to its safe value (on) in %(postgresql_conf)s, and restart PostgreSQL."),
    ),
    "database.version": _words(
        WARNING, _DATABASE, N_("PostgreSQL %(version)s is older than 15."), N_("Upgrade PostgreSQL."),
    ),
    "database.connections": _words(
        WARNING, _DATABASE, N_("The processes may want %(needed)s connections; PostgreSQL has %(most)s."),
        N_("Raise max_connections in %(postgresql_conf)s, or start fewer WEB_PROCESSES."),
    ),
    "database.pooler": _words(
        WARNING, _DATABASE, N_("Behind the pooler the role has no %(setting)s."),
        N_("In PostgreSQL: ALTER ROLE %(role)s SET %(setting)s = '%(value)s'; (docs/scaling.md)"),
    ),
    # Keys.
    "keys.ok": _words(OK, _KEYS, N_("SECRET_KEYS open what is stored.")),
    "keys.wrong": _words(
        BROKEN, _KEYS, N_("SECRET_KEYS do not open what is stored: the key %(key)s is missing, or another."),
        N_("Put the right key back. Nobody can check in or be read until then."),
    ),
    "keys.readable": _words(
        BROKEN, _KEYS, N_("Everybody on this machine can read the file of the keys."),
        N_("Run: chmod 600 %(file)s"),
    ),
    # Clock and zones.
    "clock.ok": _words(OK, _CLOCK, N_("It goes with that of %(whose)s.")),
    "clock.wrong": _words(
        BROKEN, _CLOCK, N_("It is %(seconds)s s away from that of %(whose)s."),
        N_("Set both by NTP (Debian: systemd-timesyncd). Signatures and reminders go by the clock."),
    ),
    "zones.ok": _words(OK, _ZONES, N_("The zones of the union and of all sites can be found.")),
    "zones.missing": _words(
        BROKEN, _ZONES, N_("The zone %(zone)s cannot be found."),
        N_("Install tzdata, or correct it: the union's is UNION_TIMEZONE, a site's on the page Sites."),
    ),
    # Disk.
    "disk.ok": _words(OK, _DISK, N_("There is room: %(free)s GB.")),
    "disk.filling": _words(
        WARNING, _DISK, N_("%(folder)s has %(free)s MB left."), N_("Make room, or a larger disk, this week."),
    ),
    "disk.full": _words(
        BROKEN, _DISK, N_("%(folder)s has only %(free)s MB left."),
        N_("Make room now: when it is full nobody can check in."),
    ),
    "disk.inodes": _words(
        BROKEN, _DISK, N_("%(folder)s can hold hardly any more files (inodes)."),
        N_("Delete what has piled up there. Nothing can be stored when they are used up."),
    ),
    # Redis.
    "redis.ok": _words(OK, _REDIS, N_("It answers, saves to disk and drops nothing.")),
    "redis.away": _words(
        BROKEN, _REDIS, N_("It does not answer: %(error)s."),
        N_("Start it, or correct REDIS_URL. No text is lost meanwhile; some leave a second later."),
    ),
    "redis.appendonly": _words(
        BROKEN, _REDIS, N_("It saves nothing to disk."),
        N_("Set appendonly yes in %(redis_conf)s, and restart it."),
    ),
    "redis.eviction": _words(
        BROKEN, _REDIS, N_("When its memory is full it drops what waits (%(policy)s)."),
        N_("Set maxmemory-policy noeviction in %(redis_conf)s, and restart it."),
    ),
    "redis.memory": _words(
        WARNING, _REDIS, N_("%(used)s %% of its memory is used."),
        N_("Raise maxmemory in %(redis_conf)s, and restart it."),
    ),
    "redis.disk": _words(
        BROKEN, _REDIS, N_("Its last attempt to save to disk failed."),
        N_("Look at its disk and into its log."),
    ),
    "redis.replica": _words(
        BROKEN, _REDIS, N_("REDIS_URL leads to a replica, which takes no messages."),
        N_("Point it at the master, or at the sentinels."),
    ),
    # Workers.
    "workers.ok": _words(OK, _WORKERS, N_("They are at work, and on time.")),
    "workers.silent": _words(
        BROKEN, _WORKERS, N_("Nothing was heard from the workers or their clock (beat) for five minutes."),
        N_("Start them: %(start_workers)s. Without them no text leaves and nothing is forgotten."),
    ),
    "workers.late": _words(
        BROKEN, _WORKERS, N_("A task is late or fails: %(task)s."),
        N_("Look under “What the workers do”, and into the log of the workers."),
    ),
    # The public address.
    "address.ok": _words(OK, _ADDRESS, N_("%(url)s leads here, and lets through what it should.")),
    "address.unknown": _words(
        BROKEN, _ADDRESS, N_("The name of %(url)s is not known in the Internet."),
        N_("Correct PUBLIC_BASE_URL, or make the name's record (A or AAAA) at whoever sold you the name."),
    ),
    "address.away": _words(
        BROKEN, _ADDRESS, N_("Nobody answers at %(url)s."),
        N_("Is the proxy running, and are ports 80 and 443 open? Is PUBLIC_BASE_URL right?"),
    ),
    "address.certificate": _words(
        BROKEN, _ADDRESS, N_("The certificate of %(url)s is not valid."),
        N_("Renew it, or let Caddy do so: port 80 and 443 must be reachable from outside."),
    ),
    "address.web": _words(
        BROKEN, _ADDRESS, N_("The proxy answers, and the web behind it does not (%(status)s)."),
        N_("Start the web: %(start_web)s. Does the proxy pass to its port?"),
    ),
    "address.redirects": _words(
        BROKEN, _ADDRESS, N_("%(url)s redirects to %(to)s."),
        N_("Write the address that answers itself into PUBLIC_BASE_URL; posters and texts name it."),
    ),
    "address.others": _words(
        BROKEN, _ADDRESS, N_("Somebody else answers at %(url)s, or with other keys."),
        N_("Is PUBLIC_BASE_URL right, and does the proxy pass to this installation?"),
    ),
    "address.host": _words(
        BROKEN, _ADDRESS, N_("The proxy says %(host)s for the host, and not %(expected)s."),
        N_("Let it pass Host unchanged. nginx: proxy_set_header Host $http_host;"),
    ),
    "address.plain": _words(
        WARNING, _ADDRESS, N_("http:// does not lead on to https://."),
        N_("Let the proxy answer at port 80 with a redirect (301)."),
    ),
    "address.uploads": _words(
        BROKEN, _ADDRESS, N_("The proxy takes no file of 25 MB; a roster may be as large."),
        N_("nginx: client_max_body_size 26m;"),
    ),
    "address.limits": _words(
        BROKEN, _ADDRESS, N_("The proxy refuses many requests from one address (%(status)s)."),
        N_("Remove its limit (%(proxy_conf)s): a whole picket shares one address of the phone company."),
    ),
    # Texts, webhooks and carriers.
    "texts.trial": _words(
        WARNING, _TEXTS, N_("Trial: texts reach only people with a role, and nobody else."),
        N_("Go live before the action, on the pages for setup."),
    ),
    "texts.held": _words(
        WARNING, _TEXTS,
        N_("After a restore only codes and emergencies go out, until the carrier's log has been read."),
        N_("It goes on by itself, three minutes after the workers have started."),
    ),
    "held.log_unreadable": _words(
        BROKEN, _TEXTS,
        N_("After a restore only codes and emergencies go out: the carrier's log cannot be read."),
        N_("We try again every ten seconds. If it stays so, texts that may have left are left to a person: "
           "%(mobilize)s backup go-on --without log"),
    ),
    "held.journal_unreadable": _words(
        BROKEN, _JOURNAL,
        N_("After a restore only codes and emergencies go out: the journal of what was taken away cannot be "
           "read."),
        N_("Put back the folder JOURNAL_FOLDER, or the key that SECRET_KEYS lacks. If it is lost, what was "
           "taken away since the backup stays given back: %(mobilize)s backup go-on --without journal"),
    ),
    "texts.alarms_used_up": _words(
        WARNING, _TEXTS,
        N_("So many emergencies came in this hour that new ones are texted in their turn, as notices are."),
        N_("Read them in the inbox now, where they stand first."),
    ),
    "redaction.no_backup": _words(
        WARNING, _TEXTS,
        N_("TEXT_REDACT_AFTER_DAYS is set, and the carrier keeps all words: no backup was verified yet."),
        N_("Run %(mobilize)s backup verify"),
    ),
    "redaction.no_call": _words(
        WARNING, _TEXTS, N_("TEXT_REDACT_AFTER_DAYS is set, and %(carrier)s has no call to forget words."),
        N_("Switch redaction on for the messaging profile there (docs/texts.md), and set it to 0 here."),
    ),
    "texts.none": _words(
        OK, _TEXTS, N_("There is no carrier, so no texts."),
    ),
    "texts.webhook": _words(
        OK, _TEXTS, N_("A signed request comes through to the webhook of %(carrier)s."),
    ),
    "texts.signature": _words(
        BROKEN, _TEXTS, N_("A correctly signed request to the webhook is refused."),
        N_("The proxy must change neither path nor query, and pass X-Twilio-Signature."),
    ),
    "texts.unreachable": _words(
        BROKEN, _TEXTS, N_("The webhook of %(carrier)s cannot be reached (%(status)s)."),
        N_("Let the proxy pass /texts/ like everything else, without a password or a filter."),
    ),
    "texts.refused": _words(
        BROKEN, _TEXTS, N_("What %(carrier)s tells us is refused or does not come."),
        N_("“What the workers do” says which setting it is."),
    ),
    "twilio.ok": _words(OK, _TWILIO, N_("The account, its sender and its webhook are as they should be.")),
    "twilio.away": _words(
        BROKEN, _TWILIO, N_("It cannot be reached: %(error)s."),
        N_("Can this machine reach api.twilio.com? Texts wait until it answers."),
    ),
    "twilio.credentials": _words(
        BROKEN, _TWILIO, N_("It does not know TWILIO_ACCOUNT_SID with TWILIO_AUTH_TOKEN."),
        N_("Copy both anew from its console."),
    ),
    "twilio.account": _words(
        BROKEN, _TWILIO, N_("The account is %(status)s."), N_("Look into its console: is it paid?"),
    ),
    "twilio.trial": _words(
        BROKEN, _TWILIO, N_("It is a trial account: texts reach only numbers verified there."),
        N_("Upgrade the account."),
    ),
    "twilio.service": _words(
        BROKEN, _TWILIO, N_("It has no messaging service %(sid)s."),
        N_("Copy TWILIO_MESSAGING_SERVICE_SID anew (it begins with MG)."),
    ),
    "twilio.number": _words(
        BROKEN, _TWILIO, N_("TEXT_NUMBER is not a sender of the messaging service."),
        N_("Add it there (Sender Pool), or correct TEXT_NUMBER."),
    ),
    "twilio.webhook": _words(
        BROKEN, _TWILIO, N_("It sends incoming texts to %(address)s."),
        N_("In the messaging service, under Integration: %(expected)s"),
    ),
    "twilio.retries": _words(
        WARNING, _TWILIO, N_("It tries an incoming text once only, and not again when that fails."),
        N_("In the messaging service, under Integration: %(expected)s"),
    ),
    "twilio.unregistered": _words(
        BROKEN, _TWILIO, N_("The campaign is not registered (%(status)s): phone companies block its texts."),
        N_("Register brand and campaign (A2P 10DLC) in its console."),
    ),
    "twilio.unverified": _words(
        BROKEN, _TWILIO, N_("The toll-free number is not verified (%(status)s): its texts are blocked."),
        N_("Verify it in its console."),
    ),
    "twilio.pace": _words(
        WARNING, _TWILIO, N_("SEGMENTS_PER_SECOND is %(set)s; such a sender may send %(most)s."),
        N_("Correct it: what is sent faster fails later."),
    ),
    "telnyx.ok": _words(OK, _TELNYX, N_("The account, its numbers and its webhook are as they should be.")),
    "telnyx.away": _words(
        BROKEN, _TELNYX, N_("It cannot be reached: %(error)s."),
        N_("Can this machine reach api.telnyx.com? Texts wait until it answers."),
    ),
    "telnyx.credentials": _words(
        BROKEN, _TELNYX, N_("It does not know TELNYX_API_KEY."), N_("Copy the key anew from its portal."),
    ),
    "telnyx.number": _words(
        BROKEN, _TELNYX, N_("A number of TELNYX_NUMBERS is not ours there, or has no messaging profile."),
        N_("Give each of them the messaging profile, in its portal."),
    ),
    "telnyx.webhook": _words(
        BROKEN, _TELNYX, N_("It sends incoming texts to %(address)s."),
        N_("In the messaging profile, API version 2: %(expected)s"),
    ),
    "telnyx.unregistered": _words(
        BROKEN, _TELNYX, N_("A number belongs to no registered campaign: phone companies block its texts."),
        N_("Register brand and campaign (10DLC) in its portal, and add the numbers."),
    ),
    # Backups.
    "backups.ok": _words(OK, _BACKUPS, N_("The newest is %(hours)s hours old, and one was opened lately.")),
    "backups.none": _words(
        BROKEN, _BACKUPS, N_("There is none in %(folder)s."),
        N_("Run %(mobilize)s backup, and let it run every night. If they lie elsewhere: BACKUP_FOLDER."),
    ),
    "backups.old": _words(
        BROKEN, _BACKUPS, N_("The newest is %(hours)s hours old."),
        N_("Look why last night's was not made: disk, timer, log."),
    ),
    "backups.untried": _words(
        WARNING, _BACKUPS, N_("None was opened as a test in the last 35 days."),
        N_("Type the key from its safe place, which is kept nowhere: "
           "%(mobilize)s backup verify --identity -"),
    ),
    "archive.ok": _words(OK, _BACKUPS, N_("PostgreSQL's log was archived %(minutes)s minutes ago.")),
    "archive.failing": _words(
        BROKEN, _BACKUPS, N_("PostgreSQL's log does not reach its archive, and fills the disk."),
        N_("Ask there, as the user postgres: pgbackrest --stanza=mobilize check."),
    ),
    "archive.late": _words(
        BROKEN, _BACKUPS, N_("PostgreSQL's log was last archived %(minutes)s minutes ago."),
        N_("Is archive_timeout 60? Ask as the user postgres: pgbackrest --stanza=mobilize check."),
    ),
    "receiver.ok": _words(OK, _BACKUPS, N_("PostgreSQL's log is received elsewhere as it is written.")),
    "receiver.away": _words(
        BROKEN, _BACKUPS, N_("The receiver “%(name)s” is not connected; it has missed %(megabytes)s MB."),
        N_("Start mobilize-tunnel and mobilize-receiver on the second machine (docs/backup.md)."),
    ),
    "receiver.late": _words(
        BROKEN, _BACKUPS, N_("The receiver “%(name)s” is behind by %(megabytes)s MB of PostgreSQL's log."),
        N_("Is its disk full, or its network too slow? What it has not taken is lost with this machine."),
    ),
    "receiver.lost": _words(
        BROKEN, _BACKUPS, N_("The receiver “%(name)s” stayed away too long: the log it needs next is gone."),
        N_("Drop its slot and begin again with a new base (docs/backup.md, “A receiver that stays away”)."),
    ),
    "replica.ok": _words(OK, _DATABASE, N_("The replica for boards keeps up.")),
    "replica.late": _words(
        WARNING, _DATABASE, N_("The replica for boards is away, or more than %(seconds)s seconds behind."),
        N_("Does it run, and reach the primary? Until then boards read the primary (docs/scaling.md)."),
    ),
    "journal.ok": _words(OK, _JOURNAL, N_("What is taken away is written down apart from the database.")),
    "journal.same_disk": _words(
        OK, _JOURNAL,
        N_("What is taken away is written down apart from the tables, perhaps on their disk: copy that "
           "folder to another machine with the backups."),
    ),
    "journal.other": _words(
        BROKEN, _JOURNAL,
        N_("JOURNAL_FOLDER is not the journal that the database knows: what it held is not there."),
        N_("Put back the folder as it was. If it is lost: %(mobilize)s backup go-on --without journal"),
    ),
    "journal.none": _words(
        WARNING, _JOURNAL, N_("A restore would undo STOPs, erasures and ended roles."),
        N_("Set JOURNAL_FOLDER to a folder on another disk than the database."),
    ),
    "journal.broken": _words(
        BROKEN, _JOURNAL, N_("It cannot be written (%(why)s): a restore would undo what is taken away."),
        N_("Look at the folder JOURNAL_FOLDER: is it there, ours, and is there room?"),
    ),
}  # fmt: skip
