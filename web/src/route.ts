// The address behind "#": it never leaves the browser, so no patient stands in a log.
import { useEffect, useState } from "preact/hooks";

export interface Place { key: string; parts: string[]; query: URLSearchParams }

function decoded(text: string): string {
  try { return decodeURIComponent(text); } catch { return text; }
}

export function placeNow(): Place {
  const key = location.hash.replace(/^#\/?/, "");
  const [path, query] = key.split("?");
  const parts = (path ?? "").split("/").filter(Boolean).map(decoded);
  return { key, parts, query: new URLSearchParams(query ?? "") };
}

export function usePlace(): Place {
  const [place, setPlace] = useState(placeNow);
  useEffect(() => {
    const moved = () => setPlace(placeNow());
    addEventListener("hashchange", moved);
    return () => removeEventListener("hashchange", moved);
  }, []);
  return place;
}

export function link(...parts: string[]): string {
  return "#/" + parts.map(encodeURIComponent).join("/");
}
export function linkWith(query: Record<string, string>, ...parts: string[]): string {
  return link(...parts) + "?" + new URLSearchParams(query).toString();
}
