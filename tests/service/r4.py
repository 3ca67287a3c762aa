"""Every resource that the service emitted, against the definitions of FHIR R4 (4.0.1):
r4.py FILE, as client.py's keep() writes it."""
import collections
import json
import sys

from fhir.resources import construct_fhir_element
from pydantic import ValidationError

# Ours whatever they say of themselves; others where they bear the label of AI. What was sent in comes
# back as it was written: the sender answers for it.
OURS = {"Bundle", "RiskAssessment", "GuidanceResponse", "Device", "Provenance", "OperationOutcome",
        "CapabilityStatement", "OperationDefinition", "AuditEvent"}
CARD = "AIModelCard"


def is_ours(resource):
    return (resource.get("resourceType") in OURS or "AIAST" in json.dumps(resource.get("meta", {})) or
            CARD in json.dumps(resource.get("type", {})))


def emitted(resource):
    """The resource, if it is ours, and those inside of it."""
    if resource.get("resourceType") != "Bundle":
        if is_ours(resource):
            yield resource
        return
    frame = dict(resource)
    if "entry" in resource:
        frame["entry"] = [{k: v for k, v in e.items() if k != "resource"} for e in resource["entry"]]
    yield frame
    for entry in resource.get("entry", []):
        if "resource" in entry:
            yield from emitted(entry["resource"])


def main(file):
    seen, failures = collections.Counter(), {}
    for line in open(file):
        kept = json.loads(line)
        for resource in emitted(kept["resource"]):
            kind = resource["resourceType"]
            seen[kind] += 1
            try:
                construct_fhir_element(kind, resource)
            except (ValidationError, LookupError) as error:
                failures.setdefault((kind, str(error)[:600]), kept["asked"])
    for (kind, error), asked in failures.items():
        print(f"FAILED: {kind} of {asked} is not R4: {error}")
    missing = OURS - set(seen)
    if missing:
        print("FAILED: never emitted:", *sorted(missing))
    print(f"{sum(seen.values())} resources of {len(seen)} types validated against R4, "
          f"{len(failures) + len(missing)} failed")
    return 1 if failures or missing else 0


sys.exit(main(sys.argv[1]))
