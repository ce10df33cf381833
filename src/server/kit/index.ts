/**
 * The recovery kit of a client: a page to print and a text file, with everything that stock restic needs to get the data back
 * when all else is gone; and the code on it, which a person types back to prove that it is stored.
 */
export { confirmKit, hashKitCode, kitState, makeKitCode } from './confirm.ts'
export type { Confirmation, KitState, KitTimes, KnownKit } from './confirm.ts'
export { KitError, kitErrors } from './errors.ts'
export type { Kit, KitLocation, KitRepository } from './kit.ts'
export { kitOf, makeKit, takeKitCode } from './kits-of-client.ts'
export { kitPage } from './page.ts'
export { kitText } from './text.ts'
export type { KitLanguage } from './words.ts'
