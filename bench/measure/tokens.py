"""Token verification in nanoseconds of CPU, beside the bare operation over the same bytes."""
import os
import secrets

from .targets import Finding

RUNS = 3
PAIRS = {
    "hs256": ("HS256 doorward", "raw HMAC-SHA256, kept context"),
    "es256": ("ES256 doorward", "raw ECDSA P-256 SHA-256"),
    "rs256": ("RS256 doorward", "raw RSA-2048 SHA-256"),
    "eddsa": ("EdDSA doorward", "raw Ed25519"),
}
SEEN = "token seen before, every check"


def measure(programs, folder):
    os.makedirs(folder, exist_ok=True)
    ns = {}
    for _ in range(RUNS):
        for line in programs.lines_of("jose_bench"):
            ns[line["name"]] = min(line["ns"], ns.get(line["name"], line["ns"]))
    database = os.path.join(folder, "tokens.db")
    ns.update({line["name"]: line["ns"] for line in
               programs.lines_of("principal_bench", database, secrets.token_hex(32))})
    others = "; ".join(f"{name.split()[1]} {ns[name]:,.0f}" for name in ns if "libjwt" in name or "cjose" in name)
    findings = [Finding(key, ns[ours] / ns[raw], f"{ns[ours]:,.0f} ns",
                        f"{ns[raw]:,.0f} ns" + (f" ({others})" if key == "hs256" and others else ""))
                for key, (ours, raw) in PAIRS.items()]
    findings.append(Finding("seen", ns[SEEN] / 1000, f"{ns[SEEN]:,.0f} ns"))
    return ns, findings
