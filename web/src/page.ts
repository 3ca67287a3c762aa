import type { Me } from "./api";

// What every page gets: who reads it, and what its address says behind its name.
export interface PageProps { me: Me; parts: string[]; query: URLSearchParams }
