package ssh

import "testing"

// TestAnswerPassword: the password answers one hidden question, once.
func TestAnswerPassword(t *testing.T) {
	for _, test := range []struct {
		name      string
		questions []string
		echos     []bool
		ok        bool
	}{
		{"hidden", []string{"Password: "}, []bool{false}, true},
		{"shown", []string{"Name: "}, []bool{true}, false},
		{"two", []string{"Password: ", "Code: "}, []bool{false, false}, false},
		{"nothing", nil, nil, true},
	} {
		answers, err := answerPassword("secret")("", "", test.questions, test.echos)
		if (err == nil) != test.ok || err == nil && len(answers) != len(test.questions) {
			t.Errorf("%s: %q, %v", test.name, answers, err)
		}
	}
	answer := answerPassword("secret")
	answer("", "", []string{"Password: "}, []bool{false})
	if _, err := answer("", "", []string{"Password: "}, []bool{false}); err == nil {
		t.Error("answered twice")
	}
}
