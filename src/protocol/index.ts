/**
 * What agent, server and console say to each other, with its schemas; runs in the browser, too.
 *
 * Words: a *right* is what a call asks for, a *role* is a set of rights that a person has with a client.
 */
export * from './answers.ts'
export * from './rights.ts'
