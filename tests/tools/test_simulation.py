#!/usr/bin/env python3
"""The simulation of a fleet holds to what the protocol promises: each case is a small run. Prints TAP."""
import json
import pathlib
import subprocess
import sys

PROGRAM = pathlib.Path(__file__).resolve().parent.parent.parent / "bench" / "simulate_fleet.py"


def simulated(*arguments):
    done = subprocess.run([sys.executable, str(PROGRAM), "--json", "--seconds", "5", *arguments], capture_output=True,
                          text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def one(way, nodes, rate, *more):
    (result,) = simulated("--way", way, "--nodes", str(nodes), "--revocations", str(rate), *more)
    return result


def same_seed_same_figures():
    arguments = ("--nodes", "5", "--revocations", "7")
    return simulated(*arguments) == simulated(*arguments) != simulated(*arguments, "--seed", "2")


def all_know_within_a_second():
    results = simulated("--nodes", "1,3,20", "--revocations", "1,20")
    return all(result["max_ms"] < 1000 and result["unknown"] == 0 and result["stale"] == 0 for result in results)


def one_node_knows_at_once():
    return all(one(way, 1, 20)["max_ms"] == 0 for way in ("poll", "notify", "redis"))


def percentiles_are_in_order():
    return all(0 < r["p50_ms"] <= r["p99_ms"] <= r["max_ms"] for r in simulated("--nodes", "4", "--revocations", "20"))


def looks_come_four_times_a_second():
    return 35 <= one("poll", 10, 1)["looks_per_s"] <= 40


def a_notification_is_faster_than_a_look():
    return one("notify", 10, 2)["p50_ms"] * 5 < one("poll", 10, 2)["p50_ms"]


def notifications_are_gathered():
    """However many come, a node looks fifty times a second at the most."""
    return one("notify", 5, 1000, "--row-s", "0")["looks_per_s"] <= 5 * 51


def redis_is_faster_than_the_database():
    return one("redis", 10, 2)["max_ms"] < 10


def beats_grow_with_the_square_of_the_nodes():
    few, many = one("redis", 10, 1), one("redis", 40, 1)
    return 14 < many["deliveries_per_s"] / few["deliveries_per_s"] < 18


def a_database_that_is_too_slow_is_told():
    result = one("poll", 50, 1, "--look-s", "0.2", "--database-cores", "1")
    return result["stale"] > 0.2 and result["database_busy"] > 0.9


def a_wrong_number_is_refused():
    done = subprocess.run([sys.executable, str(PROGRAM), "--nodes", "0"], capture_output=True, text=True, check=False)
    return done.returncode == 2 and "--nodes" in done.stderr


CASES = (same_seed_same_figures, all_know_within_a_second, one_node_knows_at_once, percentiles_are_in_order,
         looks_come_four_times_a_second, a_notification_is_faster_than_a_look, notifications_are_gathered,
         redis_is_faster_than_the_database, beats_grow_with_the_square_of_the_nodes,
         a_database_that_is_too_slow_is_told, a_wrong_number_is_refused)


def main():
    failed = 0
    for number, case in enumerate(CASES, 1):
        good = case()
        failed += not good
        print(f"{'ok' if good else 'not ok'} {number} - {case.__name__.replace('_', ' ')}")
    print(f"1..{len(CASES)}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
