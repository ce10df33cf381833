/**
 * The agent: what works on a machine. It looks what is there, follows the backup policies of its server, and accepts only
 * the kinds of job that it knows.
 *
 * Words: a *job* is an order of the server; a *hook* is a program that lies on the machine and is called by its name; a *dump*
 * is what a database itself says of its content, and the only backup of it that counts.
 */
export * from './databases/index.ts'
export * from './discover/index.ts'
export * from './hooks/index.ts'
export { makeFirstCopy } from './first-copy/make-first-copy.ts'
export type { FirstCopyOptions } from './first-copy/make-first-copy.ts'
export { enrol } from './enrol.ts'
export type { EnrolOptions } from './enrol.ts'
export { AgentError, agentErrors } from './errors.ts'
export * from './neighbour/index.ts'
export { RestoreError, restoreErrors } from './restore/errors.ts'
export { sayYes } from './restore/say-yes.ts'
export { waitingRestores } from './restore/waiting.ts'
export { AgentFolder } from './state.ts'
export type { WaitingRestore } from './state.ts'
export type { OwnProgram } from './work/own-program.ts'
export { runAgent } from './work/run-agent.ts'
export type { AgentOptions } from './work/run-agent.ts'
