import type { Kysely } from 'kysely'
import type { CertificateView, ClientRef, RepositoryView } from '../alerts/index.ts'
import { disagreementsOf } from '../retention/ledger-evidence.ts'
import type { Tables } from '../store/tables.ts'

/** Repositories: where ledger and storage disagree, and whose retention is held. */
export async function lookAtRepositories(
  db: Kysely<Tables>,
  clients: ReadonlyMap<string, ClientRef>,
  now: number,
): Promise<RepositoryView[]> {
  const rows = await db
    .selectFrom('repositories')
    .leftJoin('repositoryCare', 'repositoryCare.repositoryId', 'repositories.id')
    .select(['id', 'name', 'clientId', 'held', 'heldBecause', 'heldSince', 'sealedPassword', 'createdAt', 'deletedAt'])
    .execute()
  const disagreements = await disagreementsOf(db)
  return rows.flatMap(({ id, name, clientId, held, heldBecause, heldSince, ...row }) => {
    const client = clients.get(clientId)
    if (!client) return []
    const findings = disagreements.get(id) ?? []
    const reason = heldBecause ?? 'no reason was given'
    const isKept = row.sealedPassword === null && row.deletedAt === null
    const kept = isKept ? { passwordKeptSince: row.createdAt } : {}
    return { id, name, client, findings, ...kept, ...(held === 1 && { held: { since: heldSince ?? now, reason } }) }
  })
}

/** The certificate that the server shows. One that was given is usually renewed by a program; our own is not. */
export function lookAtCertificate(
  origin: string,
  endsAt: number | undefined,
  fingerprint: string | undefined,
): CertificateView[] {
  if (endsAt === undefined) return []
  return [{ id: 'server', name: origin, client: null, endsAt, renewsItself: fingerprint === undefined }]
}
