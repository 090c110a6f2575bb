"""Recordings: raw frames in append-only compressed segments, kept before anyone understood them.

A recording is a folder of segments `000001.qdrec`, `000002.qdrec`, …; `framing` is the format,
`writer` appends, `reader` plays back, `report` checks a whole recording. No frame is parsed here.
"""

from quantdesk.storage.recording.folder import is_being_written
from quantdesk.storage.recording.framing import RecordingLimits
from quantdesk.storage.recording.reader import Recording, RecordingGap, read_recording
from quantdesk.storage.recording.report import RecordingReport, verify
from quantdesk.storage.recording.writer import RecordingWriter

__all__ = [
    "Recording",
    "RecordingGap",
    "RecordingLimits",
    "RecordingReport",
    "RecordingWriter",
    "is_being_written",
    "read_recording",
    "verify",
]
