#!/usr/bin/env python3
"""Run backup programs on the same disk images, side by side, and print what they cost.

Install the peers (any that is missing is skipped and said so):

    apt-get install restic borgbackup casync             (Debian, as root)
    apt-get install borgbackup2                          (beta of borg 2, runs as `borg2`)
    # Debian 12 has restic of 2022. Compare with 0.18 or later: `dpkg -x` of the package of the
    # next Debian release gives a static program; put its folder first in PATH
    pip install numpy                                    (for the images)
    # newer borg than Debian's, in its own virtual environment:
    apt-get install build-essential pkg-config libacl1-dev libssl-dev \\
                    liblz4-dev libzstd-dev libxxhash-dev python3-dev
    pip install borgbackup          then   --borg path/to/venv/bin/borg

Run:

    python bench/peer_bench.py --quick            1 GiB disks, one repetition, 2-3 minutes
                                                         (without borg2 and casync)
    python bench/peer_bench.py                    4 GiB disks, three repetitions
    python bench/peer_bench.py --only restic,borg --extra mine.toml
    python bench/peer_bench.py --images DIR --size 2GiB   images of make_fs_disks.py
    python bench/peer_bench.py --extra 'mine=mytool {step} {repo} {image} {changes} {out}'

One repetition, for every contestant in turn (the order rotates):
  init         make an empty encrypted repository
  full         machine 0, generation 0
  incremental  machine 0, generation 1 (about 2 % changed, list of changes given)
  second       machine 1, generation 0 (about 60 % equal to machine 0)
  restore0     machine 0, generation 0 into a new file, compared byte by byte
  restore1     machine 0, generation 1, likewise
Every step is its own process, timed from start to exit. After it the file system
is flushed and that time is shown apart ("flush"), because some programs sync
themselves and some do not.

Equal terms: encryption on; zstd at the program's default level (borg: 3); local
folder as the repository; the same image path for all generations of a machine, as
a scheduled backup would see it. restic and borg read the whole disk at every
backup, as they cannot be told what changed; a product that takes the change list
may use it: that is what the incremental row is for. Casync has no encryption and
is a reference for chunking and speed only.

Page cache: with --cache cold the caches are dropped before every step (needs
root); with --cache warm the step's input is read once before every step. The
default is cold where permitted, else warm. Do not compare across the two. A host
below a virtual machine caches too, so cold steps read the image once before the drop.
Before every step memory of 1.5 times the disk is touched and given back, so
that no contestant pays for page frames the host of a virtual machine took away.

Memory is the largest resident set of one process of the contestant (kernel
figure, includes pages of mapped files; floor about 15 MB, as it is inherited
across the start of a program). CPU is user + system of all its processes.
`objects` counts files in the repository, `size` is their length.

A contestant as a file, ten lines of TOML (all commands are split like a shell
would split them, but no shell runs; start with ["sh", "-c", "..."] for one):

    name = "mine"
    version = "mytool --version"
    init = "mytool repo create {repo} --password-file {password_file}"
    full = "mytool backup --repo {repo} --disk {image} --label {label}"
    incremental = "mytool backup --repo {repo} --disk {image} --changes {changes} --parent {parent} --label {label}"
    second = "mytool backup --repo {repo} --disk {image} --label {label}"   # optional, default: full
    restore = "mytool restore --repo {repo} --label {label} --out {out}"
    size = "du -sb {repo}"         # optional, first number printed; default: walk the folder
    [env]
    MYTOOL_PASSWORD = "bench"

Placeholders: {repo} {image} {changes} {allocated} {label} {parent} {machine}
{generation} {out} (file to write) {outdir} (empty folder; the largest file found
there is taken if {out} was not written) {work} {password_file} {python} {step}.
{changes} is the JSON of make_disks.py: against the previous generation, for
generation 0 the allocated ranges.
"""
from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib

HERE = os.path.dirname(os.path.abspath(__file__))
PASSWORD = "correct horse battery staple"
MiB = 1 << 20
STEPS = ("init", "full", "incremental", "second", "restore0", "restore1")
# label -> (machine, generation)
POINTS = {"full": (0, 0), "incremental": (0, 1), "second": (1, 0),
          "restore0": (0, 0), "restore1": (0, 1)}


def builtin(borg: str, borg2: str | None) -> list[dict]:
    restic_env = {"RESTIC_PASSWORD": PASSWORD, "RESTIC_CACHE_DIR": "{work}/restic-cache",
                  "RESTIC_PROGRESS_FPS": "0.1"}
    borg_env = {"BORG_PASSPHRASE": PASSWORD, "BORG_BASE_DIR": "{work}/borg-home",
                "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes",
                "BORG_RELOCATED_REPO_ACCESS_IS_OK": "yes"}
    restic = {
        "name": "restic", "version": "restic version", "note": "content-defined chunks 512 KiB-8 MiB, zstd auto",
        "init": "restic -q -r {repo} init --repository-version 2",
        "full": "restic -q -r {repo} backup --host bench --tag {label} {image}",
        "restore": "restic -q -r {repo} restore latest --tag {label} --target {outdir}",
        "env": restic_env}

    def borg1(name: str, chunker: str, note: str) -> dict:
        return {
            "name": name, "version": f"{borg} --version", "note": note,
            "init": f"{borg} init -e repokey-blake2 {{repo}}",
            "full": f"{borg} create -C zstd,3 {chunker} {{repo}}::{{label}} {{image}}",
            "restore": f"{borg} extract --sparse {{repo}}::{{label}}",
            "cwd": "{outdir}", "env": borg_env}

    out = [restic,
           borg1("borg", "", "content-defined chunks about 2 MiB, zstd 3, AES-CTR + BLAKE2b"),
           borg1("borg-fixed", "--chunker-params fixed,4194304",
                 "fixed chunks 4 MiB (its advice for disk images), zstd 3")]
    if borg2:
        out.append({
            "name": "borg2", "version": f"{borg2} --version", "note": "beta; fixed chunks 4 MiB, zstd 3, AES-OCB",
            # the name of the command and of the mode changed between betas
            "init": ["sh", "-c", f"{borg2} -r {{repo}} rcreate -e repokey-aes-ocb || "
                                 f"{borg2} -r {{repo}} repo-create -e repokey-aes-ocb || "
                                 f"{borg2} -r {{repo}} repo-create -e aes256-ocb"],
            "full": f"{borg2} -r {{repo}} create -C zstd,3 --chunker-params fixed,4194304 {{label}} {{image}}",
            "restore": f"{borg2} -r {{repo}} extract --sparse {{label}}",
            "cwd": "{outdir}", "env": borg_env})
    out.append({
        "name": "casync", "version": "casync --version", "note": "NOT encrypted; content-defined 64 KiB, zstd; one file per chunk",
        "init": ["sh", "-c", "mkdir -p {repo}/store"],
        "full": "casync make --store={repo}/store {repo}/{label}.caibx {image}",
        "restore": "casync extract --store={repo}/store {repo}/{label}.caibx {out}",
        "env": {}})
    return out


def load_extra(text: str) -> dict:
    name, eq, rest = text.partition("=")
    if not eq or os.path.exists(text):
        path = text
        with open(path, "rb") as fh:
            desc = json.load(fh) if path.endswith(".json") else tomllib.load(fh)
        desc.setdefault("name", os.path.splitext(os.path.basename(path))[0])
        return desc
    if rest.endswith((".toml", ".json")) and os.path.exists(rest):
        desc = load_extra(rest)
        desc["name"] = name
        return desc
    return {"name": name, "init": rest, "full": rest, "incremental": rest,
            "second": rest, "restore": rest}


class Contestant:
    def __init__(self, desc: dict) -> None:
        self.desc, self.name = desc, desc["name"]
        for key in ("full", "restore"):
            if key not in desc:
                raise SystemExit(f"{self.name}: no command for {key}")

    def command(self, step: str, values: dict) -> list[str] | None:
        kind = "restore" if step.startswith("restore") else step
        raw = self.desc.get(kind)
        if raw is None and kind in ("incremental", "second"):
            raw = self.desc["full"]
        if raw is None:
            return None
        parts = raw if isinstance(raw, list) else shlex.split(raw)
        return [fill(p, values) for p in parts]

    def env(self, values: dict) -> dict:
        env = dict(os.environ)
        env.update({k: fill(str(v), values) for k, v in self.desc.get("env", {}).items()})
        return env

    def available(self) -> str | None:
        """None if its program can be run, else the reason."""
        probe = self.desc.get("version")
        if not probe:
            return None
        parts = probe if isinstance(probe, list) else shlex.split(probe)
        parts = [fill(p, {"python": sys.executable}) for p in parts]
        try:
            got = subprocess.run(parts, capture_output=True, text=True, timeout=60)
        except (OSError, subprocess.TimeoutExpired) as exc:
            return type(exc).__name__
        text = (got.stdout + got.stderr).strip()
        if got.returncode:
            return f"exit {got.returncode}: {text[:80]}"
        self.desc["version_text"] = text.splitlines()[0][:60] if text else "?"
        return None


def fill(text: str, values: dict) -> str:
    for key, value in values.items():
        text = text.replace("{" + key + "}", str(value))
    return text


def drop_caches() -> bool:
    os.sync()
    try:
        with open("/proc/sys/vm/drop_caches", "w") as fh:
            fh.write("3\n")
        return True
    except OSError:
        return False


def read_through(path: str) -> None:
    buffer = bytearray(4 * MiB)
    paths = [path] if os.path.isfile(path) else [
        os.path.join(d, f) for d, _, fs in os.walk(path) for f in fs]
    for p in paths:
        with open(p, "rb", buffering=0) as fh:
            while fh.readinto(buffer):
                pass


def prime_memory(size: int) -> None:
    """Touch about as much memory as a step will use for its files, then free it.

    In a virtual machine the first use of a page frame may cost a fault in the
    host; without this the first step after a cache drop pays for the later ones.
    A memory file system is used, since dirty pages of a real file would still be
    on their way to the disk during the measured step.
    """
    folder = "/dev/shm"
    if not os.path.isdir(folder):
        return
    free = os.statvfs(folder)
    pages = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    size = min(size * 3 // 2, pages // 2, free.f_bavail * free.f_frsize // 2)
    block = b"\xa5" * MiB
    try:
        with tempfile.TemporaryFile(dir=folder, buffering=0) as fh:
            for _ in range(size // MiB):
                fh.write(block)
    except OSError:
        pass


def measure(argv: list[str], env: dict, cwd: str, log: str, limit: float) -> dict:
    """Run one process to its end; wall, CPU, peak resident memory, exit status."""
    with open(log, "ab") as fh:
        fh.write((" ".join(shlex.quote(a) for a in argv) + "\n").encode())
        fh.flush()
        began = time.perf_counter()
        proc = subprocess.Popen(argv, env=env, cwd=cwd, stdin=subprocess.DEVNULL,
                                stdout=fh, stderr=fh)
        rc, usage = None, None
        nap = 0.002
        while True:
            pid, status, usage = os.wait4(proc.pid, os.WNOHANG)
            if pid:
                rc = os.waitstatus_to_exitcode(status)
                break
            if time.perf_counter() - began > limit:
                proc.kill()
                _, status, usage = os.wait4(proc.pid, 0)
                rc = -9
                break
            time.sleep(nap)
            nap = min(0.02, nap * 1.5)
        wall = time.perf_counter() - began
        proc.returncode = rc
    began = time.perf_counter()
    os.sync()
    return {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime,
            "rss": usage.ru_maxrss * 1024, "flush": time.perf_counter() - began, "rc": rc}


def same_bytes(a: str, b: str) -> bool:
    if os.stat(a).st_size != os.stat(b).st_size:
        return False
    one, two = bytearray(4 * MiB), bytearray(4 * MiB)
    with open(a, "rb", buffering=0) as fa, open(b, "rb", buffering=0) as fb:
        while True:
            n = fa.readinto(one)
            m = fb.readinto(two)
            if n != m or one != two:
                return False
            if not n:
                return True


def tree_size(path: str) -> tuple[int, int]:
    total = count = 0
    for d, _, files in os.walk(path):
        for f in files:
            total += os.lstat(os.path.join(d, f)).st_size
            count += 1
    return total, count


def repo_size(contestant: Contestant, values: dict) -> tuple[int, int]:
    total, count = tree_size(values["repo"])
    raw = contestant.desc.get("size")
    if raw:
        parts = [fill(p, values) for p in (raw if isinstance(raw, list) else shlex.split(raw))]
        got = subprocess.run(parts, env=contestant.env(values), capture_output=True, text=True)
        numbers = [w for w in got.stdout.split() if w.isdigit()]
        if numbers:
            total = int(numbers[0])
            count = int(numbers[1]) if len(numbers) > 1 else count
    return total, count


def one_round(c: Contestant, images: str, work: str, cache: str, limit: float, keep: bool) -> dict:
    repo = os.path.join(work, "repo")
    stage = os.path.join(work, "stage")            # the path contestants see
    os.makedirs(stage)
    pw = os.path.join(work, "password")
    with open(pw, "w") as fh:
        fh.write(PASSWORD)
    results: dict = {}
    log = os.path.join(work, "log.txt")
    for step in STEPS:
        machine, generation = POINTS.get(step, (0, 0))
        source = os.path.join(images, f"m{machine}.g{generation}")
        image = os.path.join(stage, f"m{machine}.img")
        outdir = os.path.join(work, "out")
        shutil.rmtree(outdir, ignore_errors=True)
        os.makedirs(outdir)
        values = {"repo": repo, "image": image, "changes": source + ".changes.json",
                  "allocated": os.path.join(images, f"m{machine}.g0.changes.json"),
                  "label": f"m{machine}-g{generation}", "machine": machine,
                  "parent": f"m{machine}-g{generation - 1}" if generation else "",
                  "generation": generation, "out": os.path.join(outdir, "restored.img"),
                  "outdir": outdir, "work": work, "password_file": pw,
                  "python": sys.executable, "step": "restore" if step.startswith("restore") else step}
        argv = c.command(step, values)
        if argv is None:
            os.makedirs(repo, exist_ok=True)
            continue
        restoring = step.startswith("restore")
        if not restoring and step != "init":
            if os.path.lexists(image):
                os.unlink(image)
            os.link(source + ".img", image)
        if cache == "cold":
            if not restoring and step != "init":
                read_through(image)                # the host below may cache: same for all
            drop_caches()
        elif step != "init":
            read_through(repo)
            if not restoring:
                read_through(image)
            os.sync()
        if step != "init":
            prime_memory(os.stat(source + ".img").st_size)
        cwd = fill(c.desc.get("cwd", "{work}"), values) if restoring else work
        got = measure(argv, c.env(values), cwd, log, limit)
        if got["rc"]:
            tail = open(log, errors="replace").read()[-600:]
            print(f"  {c.name} {step}: exit {got['rc']}\n{tail}", file=sys.stderr)
            results[step] = got
            break
        if restoring:
            out = values["out"]
            if not os.path.exists(out):
                found = [os.path.join(d, f) for d, _, fs in os.walk(outdir) for f in fs]
                out = max(found, key=os.path.getsize) if found else ""
            got["same"] = bool(out) and same_bytes(source + ".img", out)
            if got["same"]:
                got["allocated"] = os.stat(out).st_blocks * 512
        elif step != "init":
            got["size"], got["objects"] = repo_size(c, values)
        results[step] = got
        print(f"  {c.name:<12} {step:<12} {got['wall']:7.2f} s  cpu {got['cpu']:7.2f}  "
              f"rss {got['rss'] / 1e6:6.0f} MB"
              + (f"  repo {got['size'] / 1e6:8.1f} MB {got['objects']} objects" if "size" in got else "")
              + ("" if not restoring else "  equal" if got["same"] else "  DIFFERENT"),
              file=sys.stderr)
    shutil.rmtree(outdir, ignore_errors=True)
    if not keep:
        shutil.rmtree(work, ignore_errors=True)
    return results


def mid(values: list[float]) -> str:
    m = statistics.median(values)
    return f"{m:.2f}" if len(values) == 1 else f"{m:.2f} [{min(values):.2f}-{max(values):.2f}]"


def table(rounds: list[dict], contestants: list[Contestant], size: int) -> str:
    lines = ["| step | contestant | wall s | MB/s of disk | CPU s | flush s | peak MB | repo MB | objects | check |",
             "|---|---|---|---|---|---|---|---|---|---|"]
    for step in STEPS[1:]:
        for c in contestants:
            runs = [r[c.name][step] for r in rounds if step in r.get(c.name, {})]
            if not runs:
                continue
            good = [r for r in runs if not r["rc"]]
            if not good:
                lines.append(f"| {step} | {c.name} | failed (exit {runs[0]['rc']}) | | | | | | | |")
                continue
            wall = [r["wall"] for r in good]
            check = ""
            if step.startswith("restore"):
                check = "equal" if all(r["same"] for r in good) else "**DIFFERENT**"
            last = good[-1]
            lines.append(
                f"| {step} | {c.name} | {mid(wall)} | {size / statistics.median(wall) / 1e6:.0f} | "
                f"{mid([r['cpu'] for r in good])} | {statistics.median([r['flush'] for r in good]):.2f} | "
                f"{max(r['rss'] for r in good) / 1e6:.0f} | "
                + (f"{last['size'] / 1e6:.1f} | {last['objects']}" if "size" in last else " | ")
                + f" | {check} |")
    return "\n".join(lines)


def ratios(rounds: list[dict], contestants: list[Contestant], against: str) -> str:
    """Median over the rounds of (wall of `against`) / (wall of the other), same round."""
    lines = [f"Times as fast as each peer, {against}, ratio taken inside each round:", "",
             "| step | " + " | ".join(c.name for c in contestants if c.name != against) + " |",
             "|---|" + "---|" * (len(contestants) - 1)]
    for step in STEPS[1:]:
        row = []
        for c in contestants:
            if c.name == against:
                continue
            q = [r[c.name][step]["wall"] / r[against][step]["wall"] for r in rounds
                 if step in r.get(c.name, {}) and step in r.get(against, {})
                 and not r[c.name][step]["rc"] and not r[against][step]["rc"]]
            row.append(mid(q) if q else "-")
        lines.append(f"| {step} | " + " | ".join(row) + " |")
    return "\n".join(lines)


def main(argv=None) -> int:
    p = argparse.ArgumentParser(description="Backup programs side by side on the same disks.")
    p.add_argument("--quick", action="store_true", help="1 GiB disks, one repetition")
    p.add_argument("--size", help="disk size, for example 2GiB")
    p.add_argument("--repeat", type=int)
    p.add_argument("--only", default="", help="names, comma separated")
    p.add_argument("--skip", default="", help="names, comma separated")
    p.add_argument("--extra", action="append", default=[],
                   help="FILE.toml, NAME=FILE.toml or 'NAME=command template' (repeatable)")
    p.add_argument("--against", help="contestant for the ratio table (default: first --extra, else restic)")
    p.add_argument("--cache", choices=("auto", "cold", "warm"), default="auto")
    p.add_argument("--images", help="folder of images made before (kept)")
    p.add_argument("--work", help="parent folder for repositories (default: temp)")
    p.add_argument("--json", help="write all figures to this file")
    p.add_argument("--borg", default=os.environ.get("BENCH_BORG", "borg"))
    p.add_argument("--borg2", default=os.environ.get("BENCH_BORG2") or shutil.which("borg2"))
    p.add_argument("--limit", type=float, default=1800, help="seconds per step")
    p.add_argument("--keep", action="store_true", help="keep repositories and logs")
    p.add_argument("--seed", type=int, default=7)
    a = p.parse_args(argv)

    sys.path.insert(0, HERE)
    import_numpy = subprocess.run([sys.executable, "-c", "import numpy"], capture_output=True)
    size_text = a.size or ("1GiB" if a.quick else "4GiB")
    repeat = a.repeat or (1 if a.quick else 3)

    contestants, skipped = [], []
    only = {n for n in a.only.split(",") if n}
    skip = {n for n in a.skip.split(",") if n}
    if a.quick and not only:
        skip |= {"borg2", "casync"}                # to stay under three minutes
    extras = [load_extra(e) for e in a.extra]
    for desc in builtin(a.borg, a.borg2) + extras:
        c = Contestant(desc)
        if (only and c.name not in only and desc not in extras) or c.name in skip:
            if c.name in skip:
                skipped.append(f"{c.name} (left out)")
            continue
        why = c.available()
        if why:
            skipped.append(f"{c.name} ({why})")
        else:
            contestants.append(c)
    if not contestants:
        raise SystemExit("no contestant can be run: " + ", ".join(skipped))

    base = os.path.abspath(tempfile.mkdtemp(prefix="peer-bench-", dir=a.work))
    try:
        images = os.path.abspath(a.images or os.path.join(base, "images"))
        if not os.path.exists(os.path.join(images, "m1.g0.img")):
            if import_numpy.returncode:
                raise SystemExit("numpy is needed to make the images: pip install numpy")
            print(f"making images of {size_text} ...", file=sys.stderr)
            # in a process of its own, so that this one stays small (see Memory above)
            subprocess.run([sys.executable, "-c",
                            "import sys; sys.path.insert(0, sys.argv[1]); import make_disks as m; "
                            "m.make_set(sys.argv[2], m.parse_size(sys.argv[3]), 2, 1, int(sys.argv[4]), "
                            "say=lambda t: print('  ' + t, file=sys.stderr), generations_of=1)",
                            HERE, images, size_text, str(a.seed)], check=True)
        size = os.stat(os.path.join(images, "m0.g0.img")).st_size
        cache = a.cache
        if cache == "auto":
            cache = "cold" if drop_caches() else "warm"
        rounds: list[dict] = []
        for i in range(repeat):
            print(f"round {i + 1} of {repeat}", file=sys.stderr)
            turn = contestants[i % len(contestants):] + contestants[:i % len(contestants)]
            got = {}
            for c in turn:
                work = os.path.join(base, f"r{i}-{c.name}")
                os.makedirs(work)
                got[c.name] = one_round(c, images, work, cache, a.limit, a.keep)
            rounds.append(got)
        report = {
            "disk_bytes": size, "cache": cache, "repeat": repeat, "skipped": skipped,
            "machine": {"cpus": os.cpu_count(), "kernel": platform.release(),
                        "python": platform.python_version(),
                        "load": list(os.getloadavg())},
            "versions": {c.name: c.desc.get("version_text", "?") for c in contestants},
            "notes": {c.name: c.desc.get("note", "") for c in contestants},
            "rounds": rounds}
        print(f"\nDisk {size / (1 << 30):g} GiB, cache {cache}, {repeat} repetition(s), "
              f"{os.cpu_count()} CPUs; median [min-max].\n")
        for c in contestants:
            print(f"- {c.name}: {c.desc.get('version_text', '?')}; {c.desc.get('note', '')}")
        if skipped:
            print(f"- not run: {', '.join(skipped)}")
        print("\n" + table(rounds, contestants, size))
        against = a.against or (extras[0]["name"] if extras else contestants[0].name)
        if len(contestants) > 1 and any(c.name == against for c in contestants):
            print("\n" + ratios(rounds, contestants, against))
        if a.json:
            with open(a.json, "w", encoding="utf-8") as fh:
                json.dump(report, fh, indent=1)
        else:
            print("\n```json\n" + json.dumps(report) + "\n```")
        wrong = [c for r in rounds for c, s in r.items()
                 for k, v in s.items() if v["rc"] or v.get("same") is False]
        return 1 if wrong else 0
    finally:
        if not a.keep:
            shutil.rmtree(base, ignore_errors=True)


if __name__ == "__main__":
    raise SystemExit(main())
