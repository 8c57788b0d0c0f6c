"""The files of a job: sealed, in parts so small that nobody waits for one of them to be stored."""

import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from mobilize.database import db, new_id
from mobilize.jobs.models import FilePurpose, JobFile

PART_BYTES = 256 * 1024


@dataclass(frozen=True)
class NamedFile:
    """A file as it was chosen, or is to be saved."""

    name: str
    content: bytes


def sealed_parts(job_id: uuid.UUID, purpose: FilePurpose, file: NamedFile) -> list[dict[str, Any]]:
    """The rows of a file. Sealed before the transaction that stores them, which is short then."""
    starts = range(0, max(len(file.content), 1), PART_BYTES)
    return [_part(job_id, purpose, n, file, at) for n, at in enumerate(starts)]


def store(session: Session, parts: list[dict[str, Any]]) -> None:
    """Store the parts of one file, in place of one of the same purpose from an earlier run."""
    first = parts[0]
    same = JobFile.job_id == first["job_id"], JobFile.purpose == first["purpose"]
    session.execute(delete(JobFile).where(*same).execution_options(synchronize_session=False))
    session.execute(insert(JobFile.__table__), parts)  # type: ignore[arg-type]


def file_of(job_id: uuid.UUID, purpose: FilePurpose) -> NamedFile | None:
    """The whole file; None where there is none, or it was deleted."""
    query = select(JobFile).where(JobFile.job_id == job_id, JobFile.purpose == purpose)
    parts = db.session.scalars(query.order_by(JobFile.part)).all()
    return NamedFile(parts[0].name, b"".join(part.content for part in parts)) if parts else None


def has_file(job_id: uuid.UUID, purpose: FilePurpose) -> bool:
    """Whether there is such a file."""
    query = select(JobFile.id).where(JobFile.job_id == job_id, JobFile.purpose == purpose)
    return db.session.scalar(query.limit(1)) is not None


def _part(job_id: uuid.UUID, purpose: FilePurpose, n: int, file: NamedFile, at: int) -> dict[str, Any]:
    part_id = new_id()
    return {
        "id": part_id,
        "job_id": job_id,
        "purpose": purpose,
        "part": n,
        "name_enc": JobFile.name.seal(part_id, file.name),
        "content_enc": JobFile.content.seal(part_id, file.content[at : at + PART_BYTES]),  # type: ignore[arg-type]
    }
