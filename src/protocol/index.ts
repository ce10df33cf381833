/**
 * What travels between agent, server and console, with its schemas. It runs in a browser too: nothing of Node in here.
 *
 * Words: a *right* is what a call asks for, a *role* is a set of rights that a person has with a client (a business); an
 * *enrolment line* is what is typed on a machine so that it becomes known; an *operation* is what runs, with its record. To
 * *read* a value is to hold it against its schema; the outcome is the value, or *mistakes*, each a place and one sentence.
 */
export * from './agent-protocol.ts'
export * from './agent.ts'
export * from './alert-calls.ts'
export * from './alerts.ts'
export * from './answers.ts'
export type * from './api-commands.ts'
export * from './approvals.ts'
export * from './database-files.ts'
export * from './devices.ts'
export * from './destinations.ts'
export * from './discovery.ts'
export * from './local-access.ts'
export * from './kit.ts'
export * from './events.ts'
export * from './evidence.ts'
export * from './first-copy.ts'
export * from './machine-kinds.ts'
export * from './machine-signature.ts'
export * from './machines.ts'
export * from './operations.ts'
export * from './people.ts'
export { backupPolicySchema, readBackupPolicy, scheduleSchema } from './policy.ts'
export * from './preview.ts'
export * from './recovery-points.ts'
export { readPlaced, readWith, type PlacedMistake, type Read, type ShapeMistake } from './read.ts'
export * from './proofs.ts'
export * from './restore.ts'
export * from './repositories.ts'
export * from './rights.ts'
export * from './scripts.ts'
export * from './search.ts'
