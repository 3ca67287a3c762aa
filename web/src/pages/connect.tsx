import { Card, Code, curl, Page } from "../parts";
import { t, type Key } from "../words";

const kWays: { title: Key; says: Key; command: () => string }[] = [
  { title: "connect.token", says: "connect.token.says", command: () => "cangong account add HOME ehr --roles integrator\ncangong account token HOME ehr --label EHR --days 365" },
  { title: "connect.write", says: "connect.write.says", command: () => curl("POST", "/fhir", { resourceType: "Bundle", type: "transaction", entry: [
    { fullUrl: "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0", resource: { resourceType: "Patient", birthDate: "1957-03-02" }, request: { method: "POST", url: "Patient" } }] }) },
  { title: "connect.predict", says: "connect.predict.says", command: () => curl("POST", "/fhir/Patient/ID/$predict", { resourceType: "Parameters", parameter: [
    { name: "model", valueUri: "NAME" }, { name: "explain", valueBoolean: true }] }) },
  { title: "connect.cds", says: "connect.cds.says", command: () => curl("GET", "/cds-services") },
  { title: "connect.infer", says: "connect.infer.says", command: () => curl("POST", "/v2/models/NAME/infer", { inputs: [{ name: "patient", datatype: "BYTES", shape: [1], data: ["ID"] }] }) },
  { title: "connect.job", says: "connect.job.says", command: () => curl("POST", "/api/jobs", { kind: "predict", model: "NAME" }) },
  { title: "connect.openapi", says: "connect.openapi.says", command: () => `curl --cacert tls.crt '${location.origin}/openapi.json'` },
  { title: "connect.approve", says: "connect.approve.says", command: () => "cangong approve HOME/models/BUNDLE --as sepsis@champion --note 'board of 3 May'" },
];

export function Connect() {
  return (
    <Page title={t("connect.title")}>
      <p class="quiet">{t("connect.about")}</p>
      <div class="grid">
        {kWays.map((way) => (
          <Card title={t(way.title)} wide>
            <p>{t(way.says)}</p>
            <Code text={way.command()} label={t(way.title)} />
          </Card>
        ))}
      </div>
    </Page>
  );
}
