import { z } from 'zod'
import { call, shape } from './call.ts'

/** Sign-in and out, as better-auth answers them below `/api/auth`. */
const signedInSchema = z.looseObject({ twoFactorRedirect: z.boolean().optional() })
const anySchema = z.unknown()

export const signInByPassword = call({
  method: 'POST',
  path: '/api/auth/sign-in/email',
  body: shape<{ readonly email: string; readonly password: string }>(),
  answer: signedInSchema,
})
export const signInByCode = call({
  method: 'POST',
  path: '/api/auth/two-factor/verify-totp',
  body: shape<{ readonly code: string }>(),
  answer: anySchema,
})
export const signInByRecoveryCode = call({
  method: 'POST',
  path: '/api/auth/two-factor/verify-backup-code',
  body: shape<{ readonly code: string }>(),
  answer: anySchema,
})
export const signOut = call({
  method: 'POST',
  path: '/api/auth/sign-out',
  body: shape<Readonly<Record<string, never>>>(),
  answer: anySchema,
})
export const askForPasskey = call({
  method: 'GET',
  path: '/api/auth/passkey/generate-authenticate-options',
  answer: z.looseObject({ challenge: z.string() }),
})
export const signInByPasskey = call({
  method: 'POST',
  path: '/api/auth/passkey/verify-authentication',
  body: shape<{ readonly response: unknown }>(),
  answer: anySchema,
})
export const beginPasskey = call({
  method: 'GET',
  path: '/api/auth/passkey/generate-register-options',
  answer: z.looseObject({ challenge: z.string() }),
})
export const addPasskey = call({
  method: 'POST',
  path: '/api/auth/passkey/verify-registration',
  body: shape<{ readonly response: unknown; readonly name: string }>(),
  answer: anySchema,
})
