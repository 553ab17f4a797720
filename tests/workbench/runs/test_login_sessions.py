"""Machines where logind ends the processes of a user at logout, played by programs on the path."""

from __future__ import annotations

import os

import pytest

from workbench.rundir.folder import DONE
from workbench.rundir.liveness import reconcile_state
from workbench.runs import launching, login_sessions
from workbench.runs.login_sessions import SCOPE, WARNING, LogoutEffect, logout_effect

BUSCTL = """#!/bin/sh
case "$5" in
    KillUserProcesses) echo "b {kills}" ;;
    KillOnlyUsers) echo 'as {only}' ;;
    KillExcludeUsers) echo 'as {spared}' ;;
esac
"""
LOGINCTL = "#!/bin/sh\necho {linger}\n"
SYSTEMD_RUN = """#!/bin/sh
echo "$@" >> {calls}
[ {works} = yes ] || {{ echo "Failed to connect to bus" >&2; exit 1; }}
while [ "$1" != -- ]; do shift; done
shift
exec "$@"
"""


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Sets up what logind and systemd say."""
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("LOGNAME", "ana")
    cgroup = tmp_path / "cgroup"
    monkeypatch.setattr(login_sessions, "CGROUP", cgroup)

    def set_up(kills="true", only="0", spared='1 "root"', linger="yes", works="yes", scope=None):
        cgroup.write_text(f"0::/user.slice/user-1000.slice/{scope or 'session-3.scope'}\n")
        calls = tmp_path / "calls"
        for name, text in (
            ("busctl", BUSCTL.format(kills=kills, only=only, spared=spared)),
            ("loginctl", LOGINCTL.format(linger=linger)),
            ("systemd-run", SYSTEMD_RUN.format(works=works, calls=calls)),
        ):
            (programs / name).write_text(text)
            (programs / name).chmod(0o755)
        return calls

    return set_up


@pytest.mark.parametrize(
    "said",
    [
        {"kills": "false"},
        {"spared": '2 "root" "ana"'},
        {"only": '1 "ben"'},
        {"scope": "user@1000.service/app.slice/run-7.scope"},
    ],
)
def test_where_processes_stay_nothing_is_done(machine, said):
    machine(**said)
    assert logout_effect() == LogoutEffect()


@pytest.mark.parametrize("said", [{}, {"only": '1 "ana"'}])
def test_a_scope_of_a_user_who_lingers_is_used(machine, said):
    machine(**said)
    assert logout_effect() == LogoutEffect(prefix=SCOPE)


@pytest.mark.parametrize("said", [{"linger": "no"}, {"works": "no"}])
def test_where_nothing_helps_there_is_a_warning(machine, said):
    machine(**said)
    assert logout_effect() == LogoutEffect(warning=WARNING)


def test_without_the_programs_nothing_is_assumed(machine, monkeypatch, tmp_path):
    machine()
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    assert logout_effect() == LogoutEffect()


def test_a_run_started_in_a_scope_is_done(machine, baseline, until):
    calls = machine()
    launching.start_run(baseline)
    until(lambda: reconcile_state(baseline).state == DONE)
    assert "--user --scope" in calls.read_text()
    assert "workbench.worker" in calls.read_text()


@pytest.mark.models
def test_the_commands_warn(machine, baseline, cli, filled, forked):
    machine(linger="no")
    done = cli("-w", filled.folder, "train", "--recipe", "baseline")
    assert done.status == 0 and "KillUserProcesses" in done.err
    told = cli("-w", filled.folder, "doctor", "--json").json
    assert WARNING in told["problems"]
