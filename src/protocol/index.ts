/**
 * What agent, server and console say to each other, with its schemas; runs in the browser, too.
 *
 * Words: a *right* is what a call asks for, a *role* is a set of rights that a person has with a client (a business); an
 * *enrolment line* is what is typed on a machine so that it becomes known.
 */
export * from './answers.ts'
export * from './machine-signature.ts'
export * from './machines.ts'
export * from './operations.ts'
export * from './people.ts'
export * from './rights.ts'
