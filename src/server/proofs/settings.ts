import { proofSettingsSchema } from '#protocol'
import type { ProofSettings } from '#protocol'
import type { Services } from '../app/services.ts'

/** What holds for a client who has said nothing. */
export const usualSettings: ProofSettings = proofSettingsSchema.parse({})

/** How each client wants its backups to be proven; clients that are not in it as usual. */
export async function loadAllSettings({ store }: Services): Promise<ReadonlyMap<string, ProofSettings>> {
  const rows = await store.db.selectFrom('proofSettings').selectAll().execute()
  return new Map(rows.map(({ clientId, document }) => [clientId, proofSettingsSchema.parse(JSON.parse(document))]))
}

export async function loadSettings({ store }: Services, clientId: string): Promise<ProofSettings> {
  const query = store.db.selectFrom('proofSettings').select('document').where('clientId', '=', clientId)
  const row = await query.executeTakeFirst()
  return row ? proofSettingsSchema.parse(JSON.parse(row.document)) : usualSettings
}

export async function saveSettings({ store }: Services, clientId: string, settings: ProofSettings): Promise<void> {
  const document = JSON.stringify(settings)
  await store.db
    .insertInto('proofSettings')
    .values({ clientId, document })
    .onConflict((conflict) => conflict.column('clientId').doUpdateSet({ document }))
    .execute()
}
