// The payment of a demonstration: it always succeeds and moves no money. A real store puts its provider's handler here.

import { LanguageCode, PaymentMethodHandler } from "@vendure/core";

export const TEST_PAYMENT = "test-payment";

export const testPaymentHandler = new PaymentMethodHandler({
  code: TEST_PAYMENT,
  description: [{ languageCode: LanguageCode.en, value: "Test payment, without money" }],
  args: {},
  createPayment: (_ctx, order, amount) => ({ amount, state: "Settled", transactionId: `test-${order.code}` }),
  settlePayment: () => ({ success: true }),
  createRefund: (_ctx, _input, _amount, order) => ({ state: "Settled", transactionId: `test-refund-${order.code}` }),
});
