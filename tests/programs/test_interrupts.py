import signal

import interrupts


def test_ctrl_c_ends_our_programs_while_they_are_imported_and_is_caught_from_then_on() -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        interrupts.default_for("/usr/bin/pytest")
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        interrupts.default_for("/somewhere/train.py")
        assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL
        interrupts.catch()
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
