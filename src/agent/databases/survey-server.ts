import type { Cancellable } from '#base'

import { surveyMysql } from './mysql-dump.ts'
import type { ServerPlan } from './plan.ts'
import { surveyPostgresql } from './postgresql-dump.ts'
import type { Survey } from './survey.ts'

/** Looks at a server: what there is to dump of it, and how. Throws why nothing can be dumped at all. */
export async function surveyServer(plan: ServerPlan, options: Cancellable = {}): Promise<Survey> {
  return await (plan.engine === 'postgresql' ? surveyPostgresql : surveyMysql)(plan, options)
}

/** What a server that can be reached has. */
export interface ListedServer {
  readonly engine: 'postgresql' | 'mariadb' | 'mysql'
  readonly serverVersion: string
  readonly clientVersion: string
  readonly databases: readonly ListedDatabase[]
}

export interface ListedDatabase {
  readonly name: string
  /** Why a backup would not have it. */
  readonly problem: Error | undefined
}

/** Asks a server for its databases, with what a backup would say of each. Throws why it cannot be dumped at all. */
export async function listDatabases(plan: ServerPlan, options: Cancellable = {}): Promise<ListedServer> {
  await using survey = await surveyServer(plan, options)
  const { engine, serverVersion, clientVersion, dumps, absent } = survey
  const present = dumps
    .filter(({ kind }) => kind === 'database')
    .map(({ subject }) => ({ name: subject, problem: undefined }))
  const missing = absent.map(({ subject, error }) => ({ name: subject, problem: error }))
  return { engine, serverVersion, clientVersion, databases: [...present, ...missing] }
}
