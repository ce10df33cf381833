/**
 * What travels between agent, server and console, with its schemas. It runs in a browser too: nothing of Node in here.
 *
 * Words: to *read* a value is to hold it against its schema; the outcome is the value, or *mistakes*, each a place and one
 * sentence.
 */
export { backupPolicySchema, readBackupPolicy, scheduleSchema } from './policy.ts'
export { readWith, type Read, type ShapeMistake } from './read.ts'
