import type { Kysely } from 'kysely'
import type { Engine } from './columns.ts'
import * as people from './0001-people.ts'
import * as machines from './0002-machines.ts'
import * as records from './0003-records.ts'
import * as rounds from './0004-rounds.ts'
import * as alerts from './0005-alerts.ts'
import * as reading from './0006-reading.ts'
import * as looksAndDevices from './0007-looks-and-devices.ts'
import * as retention from './0008-retention.ts'
import * as proofs from './0009-proofs.ts'
import * as copies from './0010-copies.ts'
import * as nodes from './0011-nodes.ts'
import * as guardedDestinations from './0012-guarded-destinations.ts'
import * as agentRuns from './0013-agent-runs.ts'
import * as renewedPeople from './0014-renewed-people.ts'
import * as careOfCopies from './0015-care-of-copies.ts'
import * as oldRecords from './0019-old-records.ts'

/** One step of the schema. Once released it is never edited: what is to change is a further step. */
export interface SchemaStep {
  up(db: Kysely<unknown>, engine: Engine): Promise<void>
  down(db: Kysely<unknown>, engine: Engine): Promise<void>
}

/** By name, in their order. */
export const schemaSteps: Readonly<Record<string, SchemaStep>> = {
  '0001-people': people,
  '0002-machines': machines,
  '0003-records': records,
  '0004-rounds': rounds,
  '0005-alerts': alerts,
  '0006-reading': reading,
  '0007-looks-and-devices': looksAndDevices,
  '0008-retention': retention,
  '0009-proofs': proofs,
  '0010-copies': copies,
  '0011-nodes': nodes,
  '0012-guarded-destinations': guardedDestinations,
  '0013-agent-runs': agentRuns,
  '0014-renewed-people': renewedPeople,
  '0015-care-of-copies': careOfCopies,
  '0019-old-records': oldRecords,
}
