/**
 * The control server: where all machines of one or many businesses are set up, watched and proven.
 *
 * Words: a *client* is a business; a *route* is a call of the API, as data; *services* are what handlers work with; the
 * *store* is the control data, in SQLite or PostgreSQL; the *audit log* is a hash chain of who did what.
 */
export { ServerError, serverErrors } from './errors.ts'
export { startServer } from './start-server.ts'
export type { RunningServer, ServerOptions } from './start-server.ts'
export { stepsDone } from './store/migrate.ts'
export { openExistingStore, planBack, takeBack } from './store/take-back.ts'
export type { BackPlan } from './store/take-back.ts'
export { type AuditFileFault, type VerifiedAuditFile, verifyAuditFile } from './records/audit-file.ts'
