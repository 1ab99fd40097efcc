"""Prints the table of `run`: table.py DIRECTORY"""
import glob
import json
import statistics
import sys

WORKLOADS = ["echo_seq", "echo_64", "ping", "list100", "read64k", "read1m"]


def instructions(directory):
    """Per operation, by peer and workload, from callgrind's dumps."""
    found = {}
    for name in glob.glob(f"{directory}/ir.*.*"):
        trigger = total = None
        for line in open(name, errors="replace"):
            if line.startswith("desc: Trigger: Client Request: "):
                trigger = line.split(": ", 3)[3].strip()
            elif line.startswith("totals:"):
                total = int(line.split()[1])
        if trigger and total:
            peer, workload, count = trigger.split("|")
            found[peer, workload] = total / int(count)
    return found


def main(directory):
    counted = instructions(directory)
    samples = {}
    for line in open(f"{directory}/times"):
        sample = json.loads(line)
        samples.setdefault(sample["workload"], {}).setdefault(sample["peer"], []).append(sample)
    for workload in WORKLOADS:
        peers = samples.get(workload, {})
        median = {p: statistics.median(s["cpu_ns_per_op"] for s in all) for p, all in peers.items()}
        print(f"\n### {workload}\n")
        print("| peer | CPU µs (median) | of the sample's least | mcp-proto is faster | instructions | allocations | KB allocated | KB peak |")
        print("|---|---:|---:|---:|---:|---:|---:|---:|")
        for peer, all in peers.items():
            mode = "modern" if peer.endswith("-modern") else "legacy"
            ours = median.get(f"mcp-proto-{mode}")
            ratio = f"{median[peer] / ours:.2f}×" if ours else ""
            least = min(s["cpu_ns_per_op"] for s in all)
            count = counted.get((peer, workload))
            allocations = statistics.median(s["allocs_per_op"] + s["reallocs_per_op"] for s in all)
            size = statistics.median(s["alloc_bytes_per_op"] for s in all)
            peak = statistics.median(s["peak_over_idle"] for s in all)
            print(
                f"| {peer} {all[0]['version']} | {median[peer] / 1e3:.2f} | {least / 1e3:.2f} | {ratio} "
                f"| {f'{count:,.0f}' if count else ''} | {allocations:.1f} | {size / 1024:.1f} | {peak / 1024:.0f} |"
            )
    print("\n### one idle server connection, its pipe included\n\n| peer | bytes of heap |\n|---|---:|")
    for line in open(f"{directory}/idle"):
        sample = json.loads(line)
        print(f"| {sample['peer']} | {sample['heap_per_session']:,.0f} |")


main(sys.argv[1])
