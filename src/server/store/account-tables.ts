import type { Fixed } from './column-types.ts'

/** What belongs to people's accounts: what better-auth writes, as far as we read it, and what we know besides. */

/** As better-auth and the engine have it. */
type AuthTime = Date | string

/** Who is signed in. Written by better-auth. */
export interface SessionsTable {
  readonly id: Fixed<string>
  readonly userId: Fixed<string>
  readonly createdAt: Fixed<AuthTime>
  readonly expiresAt: Fixed<AuthTime>
  readonly ipAddress: string | null
  readonly userAgent: string | null
}

/** Written by better-auth. */
export interface PasskeysTable {
  readonly id: Fixed<string>
  readonly userId: Fixed<string>
  readonly name: string | null
  readonly createdAt: Fixed<AuthTime | null>
  readonly deviceType: string
}

/** People whose password another person has let them set anew, and when: since then they are not known for long. */
export interface RenewedPeopleTable {
  readonly personId: Fixed<string>
  readonly at: number
}
