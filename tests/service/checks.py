"""What the parts of the check share: counting, and resources to send."""
import pathlib
import sys

PROGRAM = str(pathlib.Path(sys.argv[1]).resolve())
passed, failures = 0, []


def check(name, holds, seen=None):
    global passed
    if holds:
        passed += 1
    else:
        failures.append(name)
        print(f"FAILED: {name}" + (f": {seen!r}"[:600] if seen is not None else ""))


def patient(id, family="Canary-7f3a"):
    return {"resourceType": "Patient", "id": id, "gender": "female", "birthDate": "1960-05-01",
            "name": [{"family": family, "given": ["An"]}],
            "identifier": [{"system": "urn:mrn", "value": "M-" + id}]}


def lab(who, value, when, id=None, code="2160-0"):
    resource = {"resourceType": "Observation", "status": "final",
                "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
                "subject": {"reference": "Patient/" + who}, "effectiveDateTime": when,
                "issued": when,
                "valueQuantity": {"value": value, "unit": "mg/dL",
                                  "system": "http://unitsofmeasure.org", "code": "mg/dL"}}
    return {**resource, "id": id} if id else resource


def condition(who, when, code="E11.9"):
    return {"resourceType": "Condition", "subject": {"reference": "Patient/" + who},
            "recordedDate": when,
            "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": code}]}}


def parameters(**more):
    given = {"model": {"valueUri": "heart"}, **more}
    return {"resourceType": "Parameters",
            "parameter": [{"name": name, **value} for name, value in given.items()]}


def main_resource(answer):
    return answer.json()["entry"][0]["resource"]
