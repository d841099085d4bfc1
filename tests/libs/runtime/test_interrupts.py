"""What tests start can be interrupted, however the run was started."""

import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

SLEEPING: Final = "import time; print('ready', flush=True); time.sleep(60)"
IGNORING: Final = 'trap "" INT; exec "$@"'


def test_a_program_of_ours_is_interrupted() -> None:
    with subprocess.Popen([sys.executable, "-c", SLEEPING], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        assert child.stdout is not None
        child.stdout.readline()
        child.send_signal(signal.SIGINT)
        try:
            assert child.wait(5) == -signal.SIGINT
        finally:
            child.kill()


def test_it_is_so_where_a_shell_has_interrupts_ignored() -> None:
    one = f"{Path(__file__)}::{test_a_program_of_ours_is_interrupted.__name__}"
    run = [sys.executable, "-P", "-m", "pytest", "-q", "-p", "no:cacheprovider", one]
    done = subprocess.run(["sh", "-c", IGNORING, "sh", *run], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout
