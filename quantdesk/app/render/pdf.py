"""PDF of a document that exists as HTML, by WeasyPrint, which is an extra (`quantdesk[pdf]`).

The pages are the HTML's own: what is printed is decided by its style sheet. Nothing is fetched.
"""

from __future__ import annotations

import contextlib
import io
import warnings

from quantdesk.errors import ConfigError

MISSING = "PDF needs WeasyPrint: install quantdesk[pdf], or give --format html and print that"
LIBRARIES = (
    "PDF needs the Pango text library of the system beside WeasyPrint (Debian and Ubuntu: "
    "libpangoft2-1.0-0 and libharfbuzz-subset0; macOS: pango), or give --format html and print that"
)


def html_pdf(document: bytes) -> bytes:
    """The pages of an HTML document that loads nothing from elsewhere.

    Raises ConfigError where WeasyPrint or the system's library behind it is not installed.
    """
    try:
        # Where Pango is missing WeasyPrint prints advice, and standard output is for data; that a
        # later one will want another library is no matter of who wants a report.
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            from weasyprint import HTML  # noqa: PLC0415
            from weasyprint.urls import URLFetcher  # noqa: PLC0415
    except ImportError:
        raise ConfigError(MISSING) from None
    except OSError as error:
        raise ConfigError(f"{LIBRARIES}: {error}") from None
    fetcher = URLFetcher(allowed_protocols=())
    pages = HTML(string=document.decode("utf-8"), url_fetcher=fetcher).write_pdf()
    assert isinstance(pages, bytes), "without a target the bytes are returned"
    return pages
