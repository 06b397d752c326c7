"""The pages and figures of the finished rehearsal, which the end-to-end tests make too."""

from tests.e2e.conftest import rehearsal as rehearsal
