/**
 * The agent: what works on a machine. It looks what is there, follows the backup policies of its server, and accepts only
 * the kinds of job that it knows.
 */
export * from './discover/index.ts'
