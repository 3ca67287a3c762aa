// The one table of pages. A new page is a file in pages/, a line here, and its words.
import type { ComponentType } from "preact";
import type { PageProps } from "./page";
import { AccountPage } from "./pages/account";
import { Admin } from "./pages/admin";
import { Audit } from "./pages/audit";
import { Connect } from "./pages/connect";
import { Home } from "./pages/home";
import { JobPage } from "./pages/job";
import { Jobs } from "./pages/jobs";
import { ModelPage } from "./pages/model";
import { Models } from "./pages/models";
import { Monitoring } from "./pages/monitoring";
import { PatientPage } from "./pages/patient";
import { Patients } from "./pages/patients";
import { PredictionPage } from "./pages/prediction";
import { Sandbox } from "./pages/sandbox";
import { Studies } from "./pages/studies";
import type { Key } from "./words";

export interface PageEntry {
  path: string;
  title: Key;
  roles: string[];  // that its routes let in
  page: ComponentType<PageProps>;
  inMenu?: boolean;
  under?: string;  // whose menu entry is marked
}

const everyone = ["clinician", "scientist", "integrator", "admin", "auditor"];
const bedside = ["clinician", "integrator"];

export const pages: PageEntry[] = [
  { path: "", title: "home.title", roles: everyone, page: Home, inMenu: true },
  { path: "patients", title: "patients.title", roles: bedside, page: Patients, inMenu: true },
  { path: "patient", title: "patient.title", roles: bedside, page: PatientPage, under: "patients" },
  { path: "prediction", title: "prediction.title", roles: bedside, page: PredictionPage, under: "patients" },
  { path: "models", title: "models.title", roles: everyone, page: Models, inMenu: true },
  { path: "model", title: "models.title", roles: everyone, page: ModelPage, under: "models" },
  { path: "studies", title: "studies.title", roles: everyone, page: Studies, inMenu: true },
  { path: "jobs", title: "jobs.title", roles: ["scientist", "integrator", "admin"], page: Jobs, inMenu: true },
  { path: "job", title: "jobs.title", roles: ["scientist", "integrator", "admin"], page: JobPage, under: "jobs" },
  { path: "monitoring", title: "monitoring.title", roles: ["integrator", "admin", "auditor"], page: Monitoring, inMenu: true },
  { path: "sandbox", title: "sandbox.title", roles: ["integrator"], page: Sandbox, inMenu: true },
  { path: "connect", title: "connect.title", roles: everyone, page: Connect, inMenu: true },
  { path: "audit", title: "audit.title", roles: ["admin", "auditor"], page: Audit, inMenu: true },
  { path: "admin", title: "admin.title", roles: ["admin"], page: Admin, inMenu: true },
  { path: "account", title: "account.title", roles: everyone, page: AccountPage },
];
