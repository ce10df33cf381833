/** For so long a sign-in proves who it is, where backups are removed, passwords handed out, or a sign-in is made weaker. */
export const proofMinutes = 10

export function isFresh(provenAt: number, now: number): boolean {
  return now - provenAt <= proofMinutes * 60_000
}
