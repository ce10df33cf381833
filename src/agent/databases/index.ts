/**
 * Databases: how a *server* (or a SQLite file) becomes *dumps* in a snapshot, the *evidence* that each dump is good, and how a
 * *stored dump* is loaded again: into a server, or in a *trial* into one that is made for it.
 */
export { dumpDatabases, summaryPath } from './dump.ts'
export type { DatabaseDumps, DumpDatabasesOptions } from './dump.ts'
export { readDumpOrder } from './dump-order.ts'
export { DatabaseError, databaseErrors } from './errors.ts'
export { outcomeOf } from './evidence.ts'
export type { ContentCounts, DumpEvidence, Finding, LastDump } from './evidence.ts'
export { loadAccounts, loadDump } from './load.ts'
export type { LoadOptions, LoadResult } from './load.ts'
export { loadSqlite } from './load-sqlite.ts'
export type { LoadSqliteOptions, LoadedSqlite } from './load-sqlite.ts'
export type { Connection, DatabasePlan, HookPlan, ServerPlan, SqlitePlan } from './plan.ts'
export { loadDumpEvidence, loadText, openStoredDump } from './stored-dump.ts'
export type { StoredDump } from './stored-dump.ts'
export { listDatabases } from './survey-server.ts'
export type { ListedDatabase, ListedServer } from './survey-server.ts'
export { tryLoad } from './trial.ts'
export type { TrialOptions, TrialResult } from './trial.ts'
export { tryDumps } from './try-dumps.ts'
export type { LoadEvidence } from './try-dumps.ts'
