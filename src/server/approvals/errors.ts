import { errorClass } from '#base'

/** Why somebody cannot allow what another has asked for. */
export const approvalErrors = {
  APPROVAL_OWN: {
    message: 'Who has asked for something cannot allow it.',
    hint: 'It needs another person. You can withdraw it.',
  },
  APPROVAL_PERSON_NEW: {
    message: 'Who has been known here for less than {hours} hours cannot allow this.',
    hint: 'Otherwise somebody who steals one account could invite a helper. Wait, or ask somebody else.',
  },
  APPROVAL_WAITS: {
    message: 'This is not done yet. {sentence}',
    hint: 'Another person can allow it, and everybody who operates this client can withdraw it: see the list of approvals.',
  },
  APPROVAL_CLIENT_ATTACKED: {
    message: 'This client may have been attacked: nothing can be asked for that removes anything.',
    hint: 'End that state first; that takes two persons, or a delay.',
  },
} as const

export class ApprovalError extends errorClass('ApprovalError', approvalErrors) {}
