// How much is removed of which bleed, in the words of session.toml: by microphone, or by source for all of its microphones.

// The most bleed to remove from a microphone in dB; undefined: all.
export function limit(reduction, name, source) {
  return (name in reduction ? reduction[name] : reduction[source]) ?? undefined;
}

// Limits a microphone in as few words as possible: mics: [{ name, source, dB }], dB undefined for all of the bleed.
export function least(mics) {
  const found = {};
  for (const source of new Set(mics.map((mic) => mic.source))) {
    const own = mics.filter((mic) => mic.source === source);
    const same = own.every((mic) => mic.dB === own[0].dB);
    if (same && own[0].dB !== undefined) found[source] = own[0].dB;
    if (same) continue;
    for (const { name, dB } of own) if (dB !== undefined) found[name] = dB;
    // a microphone that bears the name of the source speaks for all of them, unless they say otherwise
    if (source in found) for (const { name, dB } of own) if (dB === undefined) found[name] = null;
  }
  return found;
}

// Whether the bleed of a source stays in a microphone.
export const stays = (keep, { name, source }, other) => [name, source].some((place) => keep[place]?.includes(other));

// What is kept once the bleed of a source stays in these microphones, or is removed from them.
export function switched(keep, mics, other, stay) {
  const found = Object.fromEntries(Object.entries(keep).map(([place, sources]) => [place, [...sources]]));
  for (const mic of mics) {
    if (stay === stays(found, mic, other)) continue;
    if (stay) found[mic.name] = [...(found[mic.name] ?? []), other];
    else for (const place of [mic.name, mic.source]) found[place] = found[place]?.filter((source) => source !== other) ?? [];
  }
  return Object.fromEntries(Object.entries(found).filter(([, sources]) => sources.length));
}

export const sameKeep = (one, other) => JSON.stringify(listed(one)) === JSON.stringify(listed(other));
const listed = (keep) => Object.entries(keep).map(([place, sources]) => [place, [...sources].sort()]).sort(([a], [b]) => (a < b ? -1 : 1));
